"""The table of files that must be refused: one line a case, so that it can be read as a table."""

# ruff: noqa: E501

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass

HEAD = "external_id,issuing_system,display_name,service_owner,created_at,expires_at,environment,notes\n"
GOOD = "k1,gh,Fine,ana@example.com,2025-01-01,2027-01-01,production,\n"


@dataclass(frozen=True)
class Refused:
    """A file that must be refused: the first problem's line and column, and words of what is said."""

    name: str
    file: str
    content: str | bytes
    line: int
    says: str
    column: str = ""


def tokens(row: str) -> str:
    """A file with a good row and this one, which stands in line 3."""
    return HEAD + GOOD + row + "\n"


def _deep(open_sign: str, close_sign: str, depth: int) -> str:
    return open_sign * depth + close_sign * depth


_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)

REFUSED = [
    # ---- what the file is
    Refused("empty", "a.csv", "", 0, "this file is empty"),
    Refused("only a BOM", "a.csv", codecs.BOM_UTF8, 0, "this file is empty"),
    Refused("only white space", "a.csv", "\n \n\r\n", 0, "this file is empty"),
    Refused("UTF-16 with a BOM", "a.csv", (HEAD + GOOD).encode("utf-16"), 0, "this file is UTF-16"),
    Refused("UTF-16 without a BOM", "a.csv", (HEAD + GOOD).encode("utf-16-le"), 0, "this file is UTF-16"),
    Refused("UTF-32", "a.csv", (HEAD + GOOD).encode("utf-32"), 0, "this file is UTF-32"),
    Refused("Latin-1", "a.csv", tokens("k2,gh,Münch,,,,,").encode("latin-1"), 3, "not UTF-8", "display_name"),
    Refused("broken UTF-8", "a.csv", (HEAD + GOOD).encode() + b"k2,gh,\xc3\x28,,,,,\n", 3, "not UTF-8", "display_name"),
    Refused("over-long UTF-8", "a.csv", (HEAD + GOOD).encode() + b"k\xc0\xaf,gh,,,,,,\n", 3, "not UTF-8", "external_id"),
    Refused("a spreadsheet", "a.csv", b"PK\x03\x04" + b"\0" * 40, 0, "a spreadsheet or a zip archive"),
    Refused("gzip", "a.csv", b"\x1f\x8b\x08" + b"\0" * 40, 0, "compressed"),
    Refused("a PDF", "a.csv", b"%PDF-1.7\n", 0, "a PDF"),
    Refused("random bytes", "a.csv", bytes(range(1, 256)) * 20, 1, ""),
    # ---- the columns
    Refused("other columns", "a.csv", "colour,size\nred,1\n", 1, "neither those of tokens"),
    Refused("no header", "a.csv", "k1,gh,ana@example.com\nk2,gh,bo@example.com\n", 1, "neither those of tokens"),
    Refused("a required column is missing", "a.csv", "external_id,service_owner\nk,\n", 1, "issuing_system is missing"),
    Refused("a column twice", "a.csv", "external_id,External ID,issuing_system\nk,k,gh\n", 1, "is there twice"),
    Refused("a column without a name", "a.csv", "external_id,,issuing_system\nk,x,gh\n", 1, "a column has no name"),
    Refused("semicolons", "a.csv", "external_id;issuing_system\nk;gh\n", 1, "separated by semicolons"),
    Refused("tabs", "a.csv", "external_id\tissuing_system\nk\tgh\n", 1, "separated by tabs"),
    Refused("a huge header", "a.csv", ",".join(f"c{i}" for i in range(50_000)) + "\n", 1, "50,000 columns"),
    Refused("NUL in the header", "a.csv", "external_id,issuing\0_system\nk,gh\n", 1, "not UTF-8 text"),
    # ---- rows and quotes
    Refused("a quote never closed", "a.csv", tokens('k2,gh,"open,,,,,') + GOOD * 3, 3, "never closed"),
    Refused("a quote never closed, much text", "a.csv", tokens('k2,gh,"open' + GOOD * 4000), 3, "never closed"),
    Refused("text behind a quote", "a.csv", tokens('k2,gh,"a" b,,,,,'), 3, "quotes of this row do not match"),
    Refused("too few cells", "a.csv", tokens("k2,gh"), 3, "2 cells in place of 8"),
    Refused("too many cells", "a.csv", tokens("k2,gh,a,,,,,,,,,"), 3, "12 cells in place of 8"),
    Refused("a row after one with line breaks", "a.csv", HEAD + 'k1,gh,,,,,,"a\nb\r\nc"\n\nk2,gh\n', 6, "2 cells"),
    Refused("a cell of 10 MB", "a.csv", tokens("k2,gh,,,,,," + "x" * 10_000_000), 3, "larger than 64 kB"),
    Refused("a quoted cell of 10 MB", "a.csv", tokens('k2,gh,,,,,,"' + "x\n" * 5_000_000 + '"'), 3, "larger than 64 kB"),
    Refused("a cell of 100 kB", "a.csv", tokens("k2,gh,,,,,," + "x" * 100_000), 3, "larger than 64 kB", "notes"),
    Refused("NUL in a cell", "a.csv", tokens("k2,gh,a\0b,,,,,"), 3, "a NUL character", "display_name"),
    # ---- values
    Refused("a required cell is empty", "a.csv", tokens("k2, ,,,,,,"), 3, "this cell is empty", "issuing_system"),
    Refused("a name that is too long", "a.csv", tokens(f"k2,gh,{'n' * 201},,,,,"), 3, "201 characters", "display_name"),
    Refused("an id that is too long", "a.csv", tokens(f"{'k' * 501},gh,,,,,,"), 3, "501 characters", "external_id"),
    Refused("a token twice", "a.csv", tokens("k1,gh,Again,,,,,"), 3, "line 2 already names this one", "external_id"),
    Refused("no such day", "a.csv", tokens("k2,gh,,,,2025-02-30,,"), 3, "no such date", "expires_at"),
    Refused("no such hour", "a.csv", tokens("k2,gh,,,,2025-02-01T25:00:00Z,,"), 3, "no such date", "expires_at"),
    Refused("no such zone", "a.csv", tokens("k2,gh,,,,2025-02-01T10:00:00+99:00,,"), 3, "no such date", "expires_at"),
    Refused("an American date", "a.csv", tokens("k2,gh,,,,12/31/2026,,"), 3, "not an ISO 8601 date", "expires_at"),
    Refused("a serial date", "a.csv", tokens("k2,gh,,,,46000,,"), 3, "not an ISO 8601 date", "expires_at"),
    Refused("the year 0", "a.csv", tokens("k2,gh,,,,0000-01-01,,"), 3, "no such date", "expires_at"),
    Refused("the year 9999", "a.csv", tokens("k2,gh,,,,9999-12-31,,"), 3, "out of range", "expires_at"),
    Refused("the last moment there is", "a.csv", tokens("k2,gh,,,,9999-12-31T23:59:59-14:00,,"), 3, "", "expires_at"),
    Refused("Arabic digits", "a.csv", tokens("k2,gh,,,,٢٠٢٥-٠١-٠١,,"), 3, "not an ISO 8601 date", "expires_at"),
    Refused("it ends before it starts", "a.csv", tokens("k2,gh,,,2025-06-01,2025-05-01,,"), 3, "before created_at", "expires_at"),
    Refused("no such environment", "a.csv", tokens("k2,gh,,,,,prod,"), 3, "not a value of this column", "environment"),
    Refused("no address", "a.csv", tokens("k2,gh,,ana at example,,,,"), 3, "not an e-mail address", "service_owner"),
    Refused("two addresses", "a.csv", tokens('k2,gh,,"a@example.com,b@example.com",,,,'), 3, "not an e-mail", "service_owner"),
    Refused("markup as an address", "a.csv", tokens("k2,gh,,<!channel>@example.com,,,,"), 3, "not an e-mail", "service_owner"),
    Refused("a direction override", "a.csv", tokens("k2,gh,abc\u202egpj.exe,,,,,"), 3, "Remove U+202E", "display_name"),
    Refused("an isolate", "a.csv", tokens("k2,gh,\u2066abc,,,,,"), 3, "Remove U+2066", "display_name"),
    Refused("an invisible character", "a.csv", tokens("k\u200b1,gh,,,,,,"), 3, "Remove U+200B", "external_id"),
    Refused("a terminal sequence", "a.csv", tokens("k2,gh,\x1b[2J,,,,,"), 3, "Remove U+001B", "display_name"),
    Refused("neither true nor false", "a.csv", "external_id,issuing_system,customer_data\nk,gh,maybe\n", 2, "neither true nor false", "customer_data"),
    Refused("attested in the future", "a.csv", "external_id,issuing_system,last_attested_at\nk,gh,2199-01-01\n", 2, "lies in the future", "last_attested_at"),
    Refused("a secret as its own reference", "a.csv", "external_id,issuing_system,secret_ref\nk,gh,Winter2026\n", 2, "not a reference", "secret_ref"),
    Refused("no network", "a.csv", "external_id,issuing_system,expected_cidrs\nk,gh,10.0.0.0/99\n", 2, "not a network", "expected_cidrs"),
    Refused("no time zone", "p.csv", "email,timezone\na@example.com,Mars/Base\n", 2, "no such time zone", "timezone"),
    Refused("a zone that is a path", "p.csv", "email,timezone\na@example.com,../../etc/passwd\n", 2, "no such time zone", "timezone"),
    Refused("no working week", "p.csv", "email,workweek\na@example.com,someday\n", 2, "not a working week", "workweek"),
    Refused("a person twice", "p.csv", "email,name\na@example.com,A\nA@EXAMPLE.com,B\n", 3, "line 2 already", "email"),
    Refused("a vendor twice", "v.csv", "name,status\nAcme Ltd,active\nACME  ltd,active\n", 3, "line 2 already", "name"),
    # ---- JSON
    Refused("JSON cut off", "a.json", '[{"external_id": "k"', 1, "this is not JSON"),
    Refused("JSON with an error in line 3", "a.json", '[\n{"external_id": "k", "issuing_system": "gh"},\n{bad}\n]', 3, "not JSON"),
    Refused("JSON of text", "a.json", '"hello"', 1, "not a list of objects"),
    Refused("JSON of numbers", "a.json", "[1, 2]", 1, "an object is expected"),
    Refused("JSON with two documents", "a.json", "[]\n[]", 2, "something follows"),
    Refused("JSON lines", "a.jsonl", '{"external_id": "k"}\n{"external_id": "m"}', 1, "there is no list external_id"),
    Refused("JSON, key twice", "a.json", '[{"external_id": "k", "external_id": "m", "issuing_system": "gh"}]', 1, "a key is there twice"),
    Refused("JSON, list twice", "a.json", '{"tokens": [], "tokens": []}', 1, "is there twice"),
    Refused("JSON, unknown list", "a.json", '{"secrets": []}', 1, "there is no list secrets"),
    Refused("JSON, nested too deep", "a.json", _deep("[", "]", 200_000), 1, ""),
    Refused("JSON, object nested too deep", "a.json", '{"tokens": [{"external_id": ' + _deep("[", "]", 200_000) + "}]}", 1, "too deep"),
    Refused("JSON, object in a cell", "a.json", '[{"external_id": {"a": 1}, "issuing_system": "gh"}]', 1, "an object inside", "external_id"),
    Refused("JSON, no number", "a.json", '[{"external_id": NaN, "issuing_system": "gh"}]', 1, "NaN is no value", "external_id"),
    Refused("JSON, half a character", "a.json", '[{"external_id": "\\ud800", "issuing_system": "gh"}]', 1, "not UTF-8", "external_id"),
    Refused("JSON, NUL", "a.json", '[{"external_id": "a\\u0000", "issuing_system": "gh"}]', 1, "a NUL", "external_id"),
    Refused("JSON, many sets of keys", "a.json", json.dumps([{"external_id": "k", "issuing_system": "gh", f"x{i}": ""} for i in range(500)]), 0, "different sets of keys"),
    Refused("JSON in Latin-1", "a.json", '[{"external_id": "é"}]'.encode("latin-1"), 1, "not UTF-8"),
    # ---- YAML
    Refused("YAML bomb", "a.yaml", _BOMB, 1, "anchors (&) and aliases (*)"),
    Refused("YAML alias to itself", "a.yaml", "&a [*a]\n", 1, "anchors (&) and aliases (*)"),
    Refused("YAML that makes an object", "a.yaml", '- external_id: !!python/object/apply:os.system ["id"]\n', 1, "tags (!)"),
    Refused("YAML, nested too deep", "a.yaml", _deep("[", "]", 5_000), 1, "too deep"),
    Refused("YAML, merge key", "a.yaml", "- <<: &x {a: 1}\n", 1, "anchors (&) and aliases (*)"),
    Refused("YAML, key twice", "a.yaml", "- external_id: k\n  external_id: m\n", 1, "a key is there twice"),
    Refused("YAML, no YAML", "a.yaml", "- external_id: [unclosed\n", 2, "this is not YAML"),
    Refused("YAML, tab", "a.yaml", "-\texternal_id: k\n\t issuing_system: gh\n", 1, "this is not YAML"),
    Refused("YAML, two documents", "a.yaml", "- external_id: k\n---\n- external_id: m\n", 2, "this is not YAML"),
    Refused("YAML, no character", "a.yaml", '- external_id: "\\UFFFFFFFF"\n', 1, ""),
    Refused("YAML, control character", "a.yaml", "- external_id: a\x07\n", 1, "control character"),
    Refused("YAML, object in a cell", "a.yaml", "- external_id: {a: 1}\n  issuing_system: gh\n", 1, "an object inside", "external_id"),
]  # fmt: skip
