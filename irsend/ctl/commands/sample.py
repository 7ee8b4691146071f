"""The command that prints a configuration; it asks no machine."""

from __future__ import annotations

from irsend.ctl.command import command
from irsend.ctl.invocation import Invocation, pass_invocation


@command(examples=("irsendctl sample > irsend.toml",))
@pass_invocation
def sample(call: Invocation) -> None:
    """Print a configuration file with every key, for irsend-machine --config.

    As printed it makes the bench that a machine has without --config.
    """
    # It imports every setting of the machine.
    from irsend.sample_configuration import sample as text_of_sample

    # TOML is UTF-8, whatever the locale is.
    call.output.octets([text_of_sample().encode("utf-8")])
