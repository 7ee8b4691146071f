"""The form of calls to the process that runs the machines of blocking tests, and of its answers.

Each is a pickle behind its length, four octets. Both ends run the same irsend, for one user.
"""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any, BinaryIO

from attrs import frozen

_LENGTH = struct.Struct("!I")


@frozen
class Call:
    """A call of a method, or a question for an attribute, of `irsend.testing.Printer`."""

    number: int
    machine: int
    name: str
    """"start" and "stop" begin and end the machine itself."""
    arguments: tuple[object, ...]
    words: dict[str, object]


@frozen
class Answer:
    """What a call gave: a value or an error."""

    number: int
    value: object
    error: Exception | None


def packed(message: Call | Answer) -> bytes:
    """Return a message as octets; an error of `pickle` where a value cannot be sent."""
    stream = io.BytesIO()
    _Pickler(stream).dump(message)
    return stream.getvalue()


class _Pickler(pickle.Pickler):
    """Exceptions are made again without a call of their `__init__`, which may take other arguments."""

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, BaseException):
            return _new_exception, (type(value), value.args), value.__dict__
        return NotImplemented


def _new_exception(kind: type[BaseException], arguments: tuple[object, ...]) -> BaseException:
    return kind.__new__(kind, *arguments)


def frame(call: Call) -> bytes:
    """Return a call as it is sent; TypeError where an argument cannot be."""
    try:
        content = packed(call)
    except Exception as error:
        raise TypeError(
            f"{call.name}: an argument cannot be sent to the machine: {error}"
        ) from None
    return _LENGTH.pack(len(content)) + content


def read_answer(stream: BinaryIO) -> Answer | None:
    """Return the next answer; None at the end of the stream."""
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    content = stream.read(_LENGTH.unpack(length)[0])
    answer: Answer = pickle.loads(content)  # noqa: S301 it comes from our own process
    return answer
