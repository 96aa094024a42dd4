"""Reading DER (X.690), as far as time-stamps need it: definite lengths in their shortest form, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

INTEGER, OCTETS, OID, TIME, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x18, 0x30, 0x31
CONTEXT_0 = 0xA0  # [0], constructed


class DERError(ValueError):
    """Bytes that are not DER, or not of the kind that is expected."""


class Element(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


class Reader:
    """The elements of a constructed value, one after the other. Definite lengths in their shortest form only."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        data, start = self._data, self._at
        if start == len(data):
            raise StopIteration
        length, at = data[start + 1], start + 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            if not 1 <= size <= 4 or length < 0x80 or length >> 8 * (size - 1) == 0:
                raise DERError("not DER")
            at += size
        self._at = at + length
        if self._at > len(data):
            raise DERError("cut off")
        return Element(data[start], data[at : self._at], data[start : self._at])

    def take(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        element = next(self)
        if element.tag != tag:
            raise DERError("another kind of value belongs here")
        return element.content

    def take_optional(self, tag: int) -> bytes | None:
        """The content of the next element if it has this tag."""
        if self._at < len(self._data) and self._data[self._at] == tag:
            return next(self).content
        return None

    def rest(self) -> list[Element]:
        return list(self)


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element that ``data`` is."""
    reader = Reader(data)
    content = reader.take(tag)
    if reader.rest():
        raise DERError("there is something behind its end")
    return content


def wrap(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content
