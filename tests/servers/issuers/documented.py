"""The connector that ``docs/issuers.md`` shows, taken from there as it stands, and the made-up system it is for."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydantic import SecretStr

from bot.operations.issuer_port import Issuer, Kind
from bot.rules.issuing import Credential
from tests.servers.issuers.ground import Grounds, Made
from tests.servers.issuers.http_double import Asked, HttpDouble, Replied, serving
from tests.servers.issuers.tools import Drawer

PAGE: Final = Path(__file__).parents[3] / "docs" / "issuers.md"
MODULE: Final = "paper_tokens"
_OWN: Final = "own"


def shown(language: str, beginning: str) -> str:
    """The one block of the page in a language that has a line which begins so."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (found,) = [one for one in blocks if re.search(rf"^{re.escape(beginning)}", one, re.MULTILINE)]
    return str(found)


def entry_point() -> str:
    """``paper = "paper_tokens:KIND"``, as the page writes it for a pyproject.toml."""
    return shown("toml", '[project.entry-points."whose.issuers"]').strip().splitlines()[-1]


class Paper(HttpDouble):
    """Tokens that are listed, looked at and deleted; two a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, tuple[str, str]] = {_OWN: ("ours", "secret-of-ours")}
        """By id: name and secret."""
        self._numbers = count(1)

    def issue(self, name: str) -> Made:
        number = next(self._numbers)
        made = Made(Credential(f"t{number}"), SecretStr(f"secret-{number}-of-{name}"))
        self.tokens[made.credential.external_id] = (name, made.secret.get_secret_value())
        return made

    def answer(self, asked: Asked) -> Replied:
        by = asked.headers.get("authorization", "").removeprefix("Bearer ")
        holder = next((key for key, (_, secret) in self.tokens.items() if secret == by), None)
        if holder is None:
            return Replied(401)
        match asked.method, asked.path.split("/")[1:]:
            case "GET", ["me"]:
                return Replied(200, self._item(holder))
            case "GET", ["tokens"]:
                return self._page(asked.number("page", 1))
            case "GET", ["tokens", key] if key in self.tokens:
                return Replied(200, self._item(key))
            case "DELETE", ["tokens", key] if key in self.tokens:
                del self.tokens[key]
                return Replied(204)
            case _:
                return Replied(404)

    def _page(self, number: int) -> Replied:
        keys = sorted(self.tokens)[number * 2 - 2 : number * 2]
        more = {"link": f'<tokens?page={number + 1}>; rel="next"'} if number * 2 < len(self.tokens) else {}
        return Replied(200, {"tokens": [self._item(key) for key in keys]}, more)

    def _item(self, key: str) -> dict[str, Any]:
        return {"id": key, "name": self.tokens[key][0]}


class PaperGround:
    """Paper, and the connector of the page."""

    def __init__(self, paper: Paper, kind: Kind) -> None:
        self._paper, self._kind = paper, kind
        self.issuer: Issuer = self._connector(paper.tokens[_OWN][1])

    def _connector(self, secret: str) -> Issuer:
        options = self._kind.options.model_validate({"url": self._paper.url, "token": "env:TOKEN"})
        return self._kind.build("paper-test", options, Drawer({"TOKEN": secret}).tools())

    def make(self, name: str, *, owner: str = "") -> Made:
        return self._paper.issue(name)

    def accepts(self, made: Made) -> bool:
        asked = Asked("GET", "/me", "", {"authorization": f"Bearer {made.secret.get_secret_value()}"}, b"")
        return self._paper.handle(asked).status == 200

    def never(self) -> Credential:
        return Credential("t0")

    def with_bad_credentials(self) -> Issuer:
        return self._connector("not-a-secret-of-anybody")

    def own(self) -> Credential:
        return Credential(_OWN)


@contextmanager
def installed() -> Iterator[Kind]:
    """The page's code as a package that is installed, with its entry point; gone again afterwards."""
    with TemporaryDirectory(prefix="whose-documented-") as folder:
        about = Path(folder) / "paper_tokens-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: paper-tokens\nVersion: 1.0\n")
        name, _, value = entry_point().partition(" = ")
        (about / "entry_points.txt").write_text(f"[whose.issuers]\n{name} = {value.strip().strip(chr(34))}\n")
        (Path(folder) / f"{MODULE}.py").write_text(shown("python", "class Paper("))
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            kind: Kind = importlib.import_module(MODULE).KIND
            yield kind
        finally:
            sys.path.remove(folder)
            sys.modules.pop(MODULE, None)
            importlib.invalidate_caches()


@contextmanager
def running() -> Iterator[PaperGround]:
    """Paper and its connector."""
    paper = Paper()
    with installed() as kind, serving(paper):
        yield PaperGround(paper, kind)


GROUNDS = Grounds("documented", running)
