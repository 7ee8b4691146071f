"""The features of I-Fax receivers that their MDNs named in full mode (RFC 2532).

A small file in the state directory, replaced as a whole; a lost entry comes
again with the next MDN.
"""

from __future__ import annotations

import json
from pathlib import Path

from irsend.errors import StateError
from irsend.message.features import features_accept
from irsend.store.state import write_durably

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
        """Remember the features of a receiver; OSError."""
        key = address.lower()
        if self._features.get(key) == features:
            return
        self._features.pop(key, None)
        self._features[key] = features
        while len(self._features) > _MOST:
            self._features.pop(next(iter(self._features)))
        write_durably(self._path, json.dumps(self._features, indent=1).encode("ascii"))

    def accept(self, address: str, profile: str) -> bool:
        """Say whether this receiver is known to take the profile, F or C."""
        return features_accept(self._features.get(address.lower(), ""), profile)
