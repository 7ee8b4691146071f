"""The features of I-Fax receivers that their MDNs named in full mode (RFC 2532).

A small file in the state directory, replaced as a whole; a lost entry comes
again with the next MDN.
"""

from __future__ import annotations

import json
from pathlib import Path

from irsend.errors import StateError
from irsend.message.features import features_accept
from irsend.store.state import replace_files

_MOST = 1000


class ReceiverFeatures:
    """Features by address; addresses are compared without regard to case."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._features: dict[str, str] = {}

    def open(self) -> None:
        """Read the file; StateError."""
        try:
            kept = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise StateError(f"{self._path}: {error}; delete it to begin anew") from None
        self._features = {str(address): str(features) for address, features in kept.items()}

    def learn(self, address: str, features: str) -> None:
        """Remember the features of a receiver; OSError where nothing was changed."""
        key = address.lower()
        if self._features.get(key) == features:
            return
        known = {one: given for one, given in self._features.items() if one != key}
        known[key] = features
        while len(known) > _MOST:
            known.pop(next(iter(known)))
        replace_files({self._path: json.dumps(known, indent=1).encode("ascii")})
        self._features = known

    def accept(self, address: str, profile: str) -> bool:
        """Say whether this receiver is known to take the profile, F or C."""
        return features_accept(self._features.get(address.lower(), ""), profile)
