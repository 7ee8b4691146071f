"""What importing the panel costs."""

from __future__ import annotations

import os
import sys

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase


class ImportTests(TestCase):
    """The package's own import."""

    async def test_cheap(self) -> None:
        """Importing irsend.panel loads neither klein nor Jinja2, nor anything of Twisted."""
        program = (
            "import sys, irsend.panel; "
            "print(sorted({'klein', 'jinja2', 'werkzeug', 'twisted'} & set(sys.modules)))"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        out, err, code = await getProcessOutputAndValue(
            sys.executable, ["-c", program], env=environment
        )
        self.assertEqual((out.strip(), err, code), (b"[]", b"", 0))
