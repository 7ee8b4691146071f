"""The dot-stuffed stream of SMTP's DATA and POP3's RETR: finding its end, removing the stuffing.

The fast path of everything that is received. A segment without a dot at a line's
beginning is passed on whole, uncopied, after one `find`; only where one is
found is anything looked at more closely. The end mark is CR LF . CR LF and
nothing else: a bare CR or a bare LF is content like any other octet.

Standards: RFC 5321 4.5.2 (transparency), 2.3.8 (lines); RFC 1939 3.
"""

from __future__ import annotations

# What was seen of CR LF . CR LF at the end of the last segment. Of each of
# these the first two octets, the line's end, are content and have been given out.
_SEEN = (b"", b"\r", b"\r\n", b"\r\n.", b"\r\n.\r")


class DotStream:
    """Takes a message as it comes, in any pieces, and gives out its content."""

    def __init__(self) -> None:
        # A message begins at a line's beginning: the end mark may be all of it.
        self._seen = 2

    def feed(self, segment: bytes) -> tuple[list[bytes], bytes | None]:
        """Return the content in this segment, and what stands behind the end mark.

        None instead of the latter: the end has not come yet.
        """
        seen = _SEEN[self._seen]
        if seen:
            segment = seen + segment
        start = min(len(seen), 2)
        content: list[bytes] = []
        # A dot alone is found far faster than the three octets; most segments of
        # an encoded attachment have none.
        dot = segment.find(b".")
        if dot >= 0:
            dot = segment.find(b"\r\n.", max(dot - 2, 0))
        if dot < 0:
            self._seen = 2 if segment.endswith(b"\r\n") else 1 if segment.endswith(b"\r") else 0
            return [segment[start:] if start else segment], None
        while dot >= 0:
            if dot + 2 > start:
                content.append(segment[start : dot + 2])
            follows = segment[dot + 3 : dot + 5]
            if follows == b"\r\n":
                return content, segment[dot + 5 :]
            if follows in (b"", b"\r"):
                self._seen = 3 + len(follows)
                return content, None
            start = dot + 3
            dot = segment.find(b"\r\n.", start)
        content.append(segment[start:])
        self._seen = 2 if segment.endswith(b"\r\n") else 1 if segment.endswith(b"\r") else 0
        return content, None


class DotStuffing:
    """Prepares content for the wire, in any pieces: dots doubled at the beginning of lines.

    The lines of what it is fed end in CR LF already.
    """

    def __init__(self) -> None:
        self._seen = b"\r\n"

    def feed(self, content: bytes) -> bytes:
        """Return the content as it goes out."""
        if not content:
            return b""
        seen = self._seen
        whole = seen + content
        self._seen = (
            b"\r\n" if whole.endswith(b"\r\n") else b"\r" if whole.endswith(b"\r") else b""
        )
        return whole.replace(b"\r\n.", b"\r\n..")[len(seen) :]

    def end(self) -> bytes:
        """Return the end mark, behind a line end where the content had none."""
        return b".\r\n" if self._seen == b"\r\n" else b"\r\n.\r\n"
