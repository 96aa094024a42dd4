"""Places that keep checkpoints out of the operator's reach, one file each. A new one is a file and a line in KINDS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.anchors.chat import ChatAnchor
from bot.anchors.folder import FolderAnchor
from bot.anchors.rfc3161 import TimestampAnchor
from bot.anchors.witness import WitnessAnchor
from bot.errors import SettingsError
from bot.operations.anchor_checkpoints import Anchor
from storage.database import Database
from storage.ledger.note import COSIGNATURE, NoteError, VerifierKey


@dataclass(frozen=True)
class Surroundings:
    """What an anchor may need; ``lane`` is asked for only where there is a chat."""

    database: Database
    now: Callable[[], datetime]
    lane: Callable[[], str]


def anchors_of(texts: tuple[str, ...], around: Surroundings) -> list[Anchor]:
    """The anchors that ``WHOSE_ANCHORS`` names.

    Raises:
        SettingsError: one of them cannot be made of its text.
    """
    return [KINDS[kind](where, around) for kind, _, where in (text.partition(":") for text in texts)]


def names_of(texts: tuple[str, ...]) -> list[str]:
    """What the same anchors are called in the database; the part behind a ``#`` of an address is left out."""
    return [_address(text)[0] if text.startswith(("tsa:", "witness:")) else text for text in texts]


def witness_keys(texts: tuple[str, ...]) -> list[VerifierKey]:
    """The verifier keys of the witnesses among the anchors that ``WHOSE_ANCHORS`` names.

    Raises:
        SettingsError: one of them is none.
    """
    return [_witness_key(*_address(text.partition(":")[2])) for text in texts if text.startswith("witness:")]


def _folder(where: str, _around: Surroundings) -> Anchor:
    return FolderAnchor(f"folder:{where}", Path(where))


def _chat(where: str, around: Surroundings) -> Anchor:
    return ChatAnchor(f"chat:{where}", around.database, around.now, around.lane(), where)


def _tsa(where: str, _around: Surroundings) -> Anchor:
    url, roots = _address(where)
    return TimestampAnchor(f"tsa:{url}", url, Path(roots) if roots else None)


def _witness(where: str, _around: Surroundings) -> Anchor:
    url, text = _address(where)
    return WitnessAnchor(f"witness:{url}", url.rstrip("/"), _witness_key(url, text))


def _witness_key(url: str, text: str) -> VerifierKey:
    try:
        key = VerifierKey.parse(text)
    except NoteError as error:
        raise SettingsError(
            f"WHOSE_ANCHORS: witness:{url} needs the witness's verifier key behind a #: {error}."
        ) from None
    if key.algorithm != COSIGNATURE:
        raise SettingsError(f"WHOSE_ANCHORS: the key of witness:{url} is a log's, not a witness's (type 0x04).")
    return key


def _address(text: str) -> tuple[str, str]:
    address, _, more = text.partition("#")
    return address, more


KINDS: dict[str, Callable[[str, Surroundings], Anchor]] = {
    "folder": _folder,
    "chat": _chat,
    "tsa": _tsa,
    "witness": _witness,
}
