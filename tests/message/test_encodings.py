"""Base64 as it comes: in runs, cut, and with text behind it."""

from __future__ import annotations

import base64
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.message.encodings import from_base64


class Base64Tests(SynchronousTestCase):
    """`from_base64`."""

    @given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=5))
    def test_runs(self, pieces: list[bytes]) -> None:
        """Runs behind each other's padding, on lines of their own or not, are all decoded, and right."""
        for line_end in (b"\r\n", b"", b"\n\n"):
            encoded = line_end.join(base64.b64encode(one) for one in pieces)
            self.assertEqual(from_base64(encoded), (b"".join(pieces), True))

    def test_text_behind(self) -> None:
        """Text behind the padding is not decoded, and not right; the base64 in front of it is there."""
        for footer in (
            b"\r\n_____\r\nMailing list\r\n",
            b"\r\nMailing list: http://lists.test/?a=b\r\n",
            b"\r\nRegards\r\n",
            b"\r\n--\r\n",
        ):
            self.assertEqual(from_base64(b"Zmlyc3Q=" + footer), (b"first", False), footer)

    def test_cut(self) -> None:
        """A run that is cut is not right; what came of the first one is there."""
        self.assertEqual(from_base64(b"Zmlyc3"), (b"firs", True))
        self.assertEqual(from_base64(b"Zmlyc3Q=\r\nc2Vjb"), (b"first", False))
        self.assertEqual(from_base64(b"Zmlyc"), (b"fir", False))

    def test_padding(self) -> None:
        """Padding alone is right, however much there is of it."""
        for padding in (b"", b"=", b"==\r\n", b"== = =\r\n"):
            self.assertEqual(from_base64(b"Zmlyc3Q" + padding), (b"first", True))

    def test_hostile(self) -> None:
        """Ten million runs end soon, as not right."""
        before = time.process_time()
        self.assertFalse(from_base64(b"AA==" * 10_000_000)[1])
        self.assertFalse(from_base64(b"AA==" + b"A \r\n" * 5_000_000 + b"!")[1])
        self.assertLess(time.process_time() - before, 5)
