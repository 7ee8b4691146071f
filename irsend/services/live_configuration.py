"""The configuration in force: one frozen value, replaced whole when the files are read again."""

from __future__ import annotations

from attrs import define

from irsend.configuration import Configuration


@define(eq=False)
class LiveConfiguration:
    """Holds the configuration in force.

    Parts keep this object, and read a value where they use it: a part that kept a
    section would go on with the old one after a reload.
    """

    current: Configuration

    @property
    def host(self) -> str:
        """The name that the machine greets with: the first of its names that is no address."""
        names = (
            name
            for name in self.current.tls.hostnames
            if not name.replace(".", "").isdigit() and ":" not in name
        )
        return next(names, self.current.model.name)
