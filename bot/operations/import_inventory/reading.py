"""An inventory file to rows of text: opened safely, decoded, split. What the rows mean is not decided here.

A file that cannot be read to its end as what it claims to be raises :class:`FileError`, naming the line, and
is refused whole, also with ``--partial``: after a broken quote nobody knows where the next row starts.
"""

from __future__ import annotations

import csv
import hashlib
import io
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from bot.operations.import_inventory import documents
from bot.operations.import_inventory.columns import header_key
from bot.operations.secret_patterns import shown_name

MAX_LINE = 1024 * 1024  # characters; a row of 31 full cells is shorter than this in any real inventory
MAX_COLUMNS = 200
BLOCK = 2_000  # rows
_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_ARCHIVES = {b"PK\x03\x04": "a spreadsheet or a zip archive", b"\x1f\x8b": "compressed", b"%PDF": "a PDF"}


class Block(NamedTuple):
    """Rows that follow each other under the same columns. Blocks with the same columns share one ``header`` object."""

    section: str
    """``tokens``, ``people`` or ``vendors`` where the file says so itself, else empty."""
    header: tuple[str, ...]
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]


class FileError(ValueError):
    """A file that cannot be read. ``line`` counts from 1; 0 where no line is to blame."""

    def __init__(self, reason: str, allowed: str = "", line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.allowed, self.line = reason, allowed, line


class Source(NamedTuple):
    """An open inventory file."""

    path: Path
    stream: BinaryIO
    size: int
    sha256: str


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a regular file and take its digest; what is read afterwards is the same open file.

    Raises:
        FileError: when it is missing, unreadable, or not a regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a directory" if path.is_dir() else "not a regular file"
            raise FileError(f"this is {kind}", "Name a CSV, JSON or YAML file")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
            stream.seek(0)
            yield Source(path, stream, size, digest)
    except FileNotFoundError:
        raise FileError("there is no such file", "Check the path") from None
    except PermissionError:
        raise FileError("this file may not be read", "Check its permissions") from None
    except OSError as error:
        raise FileError(f"this file cannot be read: {error.strerror}", "Check the path and the disk") from None


def blocks(source: Source, progress: Callable[[int], None] | None = None) -> Iterator[Block]:
    """The rows of a file in its order, header left out; ``progress`` is told how many bytes were read.

    Raises:
        FileError: when the file turns out not to be readable.
    """
    start = source.stream.read(4096)
    source.stream.seek(0)
    _check_start(start)
    suffix = source.path.suffix.lower()
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if suffix == ".json" or (suffix not in {".csv", ".yaml", ".yml"} and first in {b"{", b"["}):
        yield from _document_blocks(source, documents.read_json, documents.MAX_JSON)
    elif suffix in {".yaml", ".yml"}:
        yield from _document_blocks(source, documents.read_yaml, documents.MAX_YAML)
    else:
        yield from _csv_blocks(source, progress)


def _document_blocks(source: Source, read: Callable[[str], Iterator[documents.Object]], cap: int) -> Iterator[Block]:
    if source.size > cap:
        raise FileError(f"this file is larger than {cap // 1024**2} MB", "Write large inventories as CSV")
    whole = source.stream.read().removeprefix(b"\xef\xbb\xbf")
    try:
        document = whole.decode("utf-8")
    except UnicodeDecodeError as error:
        line = whole.count(b"\n", 0, error.start) + 1
        raise FileError("there are bytes that are not UTF-8", "Save the file as UTF-8", line) from None
    lines: list[int] = []
    rows: list[Sequence[str]] = []
    current: tuple[str, tuple[str, ...]] = ("", ())
    try:
        for section, header, line, cells in read(document):
            if rows and (header is not current[1] or section != current[0] or len(rows) == BLOCK):
                yield Block(*current, lines, rows)
                lines, rows = [], []
            current = (section, header)
            lines.append(line)
            rows.append(cells)
    except documents.DocumentError as error:
        raise FileError(error.reason, error.allowed, error.line) from None
    if rows:
        yield Block(*current, lines, rows)


def _check_start(start: bytes) -> None:
    for bom, name in _BOMS.items():
        if start.startswith(bom):
            raise FileError(f"this file is {name}", "Save it as UTF-8")
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            raise FileError(f"this file is {name}", "Save the inventory as CSV, JSON or YAML")
    body = start.removeprefix(b"\xef\xbb\xbf")
    if not body.strip():
        raise FileError("this file is empty", "The first line names the columns")
    if len(body) > 3 and (body[1:4:2].count(0) == 2 or body[0:3:2].count(0) == 2):
        raise FileError("this file is UTF-16", "Save it as UTF-8")


# ------------------------------------------------------------------ CSV (RFC 4180)


def _csv_blocks(source: Source, progress: Callable[[int], None] | None) -> Iterator[Block]:
    stream = io.TextIOWrapper(source.stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    # A line is read in pieces of at most MAX_LINE, so that a file without line breaks does not fill the memory.
    reader = csv.reader(iter(partial(stream.readline, MAX_LINE), ""), strict=True)
    header = _header(reader)
    yield Block("", header, (), ())  # so that the columns are looked at even where no row follows
    while True:
        start = reader.line_num + 1
        rows = _next_rows(reader, start, BLOCK)
        if not rows:
            return
        lines: Sequence[int] = range(start, start + len(rows))
        if reader.line_num + 1 != start + len(rows) or [] in rows:
            lines, rows = _without_blank(_starts(rows, start), rows, len(header))
        if rows:
            yield Block("", header, lines, rows)
        if progress is not None:
            progress(source.stream.tell())


def _next_rows(reader: Iterator[list[str]], start: int, count: int) -> list[list[str]]:
    """The next rows, fewer at the end. The one place where a broken quote shows up."""
    rows: list[list[str]] = []
    try:
        rows.extend(islice(reader, count))  # what came before an error stays in the list
    except csv.Error as error:
        raise _csv_error(str(error), _starts([*rows, []], start)[-1]) from None
    return rows


def _starts(rows: Sequence[Sequence[str]], start: int) -> list[int]:
    """The line in which each row starts: line breaks inside cells count, and an empty line is a row without cells."""
    starts = []
    for row in rows:
        starts.append(start)
        start += 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in row)
    return starts


def _without_blank(lines: Sequence[int], rows: list[list[str]], width: int) -> tuple[list[int], list[list[str]]]:
    kept = [(line, row) for line, row in zip(lines, rows, strict=True) if row and (width == 1 or any(row) or row[1:])]
    return [line for line, _ in kept], [row for _, row in kept]


def _csv_error(said: str, line: int) -> FileError:
    if "field larger" in said:
        reason = "a cell of the row that starts here is larger than 64 kB, or a quote in it is never closed"
        return FileError(reason, "Close the quote, or shorten the cell", line)
    if "unexpected end" in said:
        return FileError("a quote that is opened in this row is never closed", 'Close it with "', line)
    reason = "the quotes of this row do not match"
    return FileError(reason, 'Put quotes around the whole cell and write a quote inside it twice: ""', line)


def _header(reader: Any) -> tuple[str, ...]:
    header: list[str] = []
    line = 1
    while not any(map(str.strip, header)):
        line = reader.line_num + 1
        found = _next_rows(reader, line, 1)
        if not found:
            raise FileError("this file is empty", "The first line names the columns")
        header = found[0]
    if len(header) > MAX_COLUMNS:
        raise FileError(f"there are {len(header):,} columns", f"At most {MAX_COLUMNS} are read", line)
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        sign = "semicolons" if ";" in header[0] else "tabs"
        raise FileError(f"the columns are separated by {sign}", "Save the file with commas", line)
    seen: set[str] = set()
    for name in header:
        if "\0" in name or any("\ud800" <= char <= "\udfff" for char in name):
            raise FileError("the line of column names is not UTF-8 text", "Save the file as UTF-8", line)
        if not name.strip():
            raise FileError("a column has no name", "Name every column in the first line", line)
        if header_key(name) in seen:
            raise FileError(f"the column {shown_name(name)} is there twice", "Keep one of them", line)
        seen.add(header_key(name))
    return tuple(header)
