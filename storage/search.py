"""Finding tokens by a few words over a million rows, on SQLite and PostgreSQL.

What was typed is data: it travels in bound parameters, its wildcards are inert, and for FTS5 it is cut into quoted
trigrams, so that no query syntax can be smuggled in. What the reader may not see is left out by the
query itself. An exact name is the answer; else beginnings come first, then whatever holds every word.
The indexes are in ``storage/search_index.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, and_, column, func, literal_column, or_, select, table, true
from sqlmodel import Session

from storage.database import is_sqlite
from storage.inventory import TOKEN
from storage.search_index import PG_SEARCHED, TRIGRAM, fold
from storage.visibility import Scope

MAX_QUERY = 200  # characters of what was typed that are looked at
MAX_WORDS = 8
_SMALL_SCOPE = 2_000  # tokens; a scope up to this size is read by itself rather than through the search index
_MOST_GRAMS = 10  # of one word
_POOL = 50  # candidates ranked in Python
_MOST_CHANGED = 1_000  # of those that the index does not know yet
_LAST = "\U0010ffff"  # sorts behind every other character
_NEAR = 0.55  # similarity from which a name is worth suggesting
_FTS = table("token_search", column("rowid"), column("token_search", String))
_NAME = table("token_name", column("name", String), column("token_id"))
_ANY_CHANGED = "SELECT 1 FROM token_search_stale LIMIT 1"
_STALE = table("token_search_stale", column("token_id"))


class Hit(NamedTuple):
    """A token found, with what is needed to rank and name it."""

    id: int
    display_name: str
    external_id: str
    state: str

    @property
    def name(self) -> str:
        return self.display_name or self.external_id

    @property
    def keys(self) -> tuple[str, str]:
        return self.external_id.casefold(), self.display_name.casefold()


def normalise(words: str) -> str:
    """What was typed, as it is searched for: white space made single, control characters gone, length capped."""
    printable = "".join(c if c.isprintable() else " " for c in words[: 4 * MAX_QUERY])
    return " ".join(printable.split())[:MAX_QUERY].strip()


def find_tokens(session: Session, words: str, limit: int = 10, *, visible: Scope | None) -> list[Hit]:
    """Tokens whose display name or external id fits ``words``, the best fit first.

    One that is named exactly so is the answer, and nothing else is. Words under three characters count only
    beside a longer one, or as a beginning.

    Args:
        words: as typed; every word must occur.
        visible: what the reader may see; ``None``: everything.
    """
    sought = normalise(words)
    if not sought or limit < 1:
        return []
    if visible is not None and _is_small(session, visible):
        hits = _hits(session, _columns().where(TOKEN.c.id.in_(visible.ids()), _rough(session, sought)))
    else:
        hits = _named(session, sought, limit, visible) + _changed(session, visible, _rough(session, sought))
        if not any(_fit(hit, sought) == 0 for hit in hits) and len(hits) < limit:
            hits += _containing(session, sought, max(limit, _POOL), visible)
    ranked = sorted({hit for hit in hits if _fit(hit, sought) < _NO_FIT}, key=lambda hit: _rank(hit, sought))
    exact = [hit for hit in ranked if _fit(hit, sought) == 0]
    return (exact or ranked)[:limit]


def nearest(session: Session, words: str, limit: int = 3, *, visible: Scope | None) -> list[str]:
    """Names that ``words`` may have been meant for, the most alike first; each name once."""
    sought = normalise(words)
    if len(sought) < TRIGRAM:
        return []
    if visible is not None and _is_small(session, visible):
        candidates: Iterable[Hit] = _hits(session, _columns().where(TOKEN.c.id.in_(visible.ids())))
    else:
        candidates = _sharing_a_piece(session, sought, visible)
    scored = sorted(((_likeness(hit, sought), hit.name) for hit in candidates), key=lambda pair: (-pair[0], pair[1]))
    names = dict.fromkeys(name for score, name in scored if score >= _NEAR)
    return list(names)[:limit]


# ------------------------------------------------------------------ the ways to come to candidates


def _columns() -> Select[Any]:
    return select(TOKEN.c.id, TOKEN.c.display_name, TOKEN.c.external_id, TOKEN.c.state)


def _hits(session: Session, query: Select[Any]) -> list[Hit]:
    return [Hit(*row) for row in session.connection().execute(query)]


def _within(query: Select[Any], visible: Scope | None) -> Select[Any]:
    return query if visible is None else query.where(visible.holds())


def _is_small(session: Session, visible: Scope) -> bool:
    few = visible.ids(distinct=False).limit(_SMALL_SCOPE + 1).subquery()
    count = session.connection().execute(select(func.count()).select_from(few)).scalar_one()
    return bool(count <= _SMALL_SCOPE)


def _named(session: Session, sought: str, limit: int, visible: Scope | None) -> list[Hit]:
    """Those whose name or id is, or begins with, what is sought: the shortest names of an ordered index first."""
    folded = fold(sought)
    keys: list[tuple[ColumnElement[str], Select[Any]]]
    if is_sqlite(session):
        keys = [(_NAME.c.name, _columns().join_from(_NAME, TOKEN, TOKEN.c.id == _NAME.c.token_id))]
    else:
        keys = [(_pg_folded(name), _columns()) for name in ("external_id", "display_name")]
    hits: list[Hit] = []
    for key, query in keys:
        ranged = query.where(key >= folded, key < folded + _LAST).order_by(key).limit(2 * limit)
        hits += _hits(session, _within(ranged, visible))
    return hits


def _pg_folded(name: str) -> ColumnElement[str]:
    """The expression exactly as the index has it; under ``"C"`` only A-Z are folded, as SQLite does."""
    return literal_column(f'(lower(token.{name} COLLATE "C") COLLATE "C")', String)


def _containing(session: Session, sought: str, limit: int, visible: Scope | None) -> list[Hit]:
    """By the trigram index; needs one word of three characters or more."""
    long = [word for word in _words(sought) if len(word) >= TRIGRAM]
    if not long:
        return []
    if not is_sqlite(session):
        return _hits(session, _within(_columns().where(_rough(session, sought)), visible).limit(limit))
    query = _through_trigrams(long).where(_rough(session, sought))
    return _hits(session, _within(query, visible).limit(limit))


def _changed(session: Session, visible: Scope | None, fits: ColumnElement[bool]) -> list[Hit]:
    """SQLite: what was written since the index was brought up to date; usually nothing."""
    if not is_sqlite(session) or not session.connection().exec_driver_sql(_ANY_CHANGED).first():
        return []
    query = _columns().where(TOKEN.c.id.in_(select(_STALE.c.token_id)), fits)
    return _hits(session, _within(query, visible).limit(_MOST_CHANGED))


def _sharing_a_piece(session: Session, sought: str, visible: Scope | None) -> list[Hit]:
    """A text with one slip has one half intact, one with two slips a third: search for those pieces.

    Far cheaper than asking for similar names: on PostgreSQL, that took ten times as long over 200,000 (measured).
    """
    hits = set(_changed(session, visible, true()))
    for piece in pieces(sought):
        holding = _through_trigrams([piece]) if is_sqlite(session) else _columns().where(_rough(session, piece))
        hits.update(_hits(session, _within(holding, visible).limit(_POOL // 2)))
    return list(hits)


def _through_trigrams(words: Iterable[str]) -> Select[Any]:
    query = _columns().join_from(_FTS, TOKEN, TOKEN.c.id == _FTS.c.rowid)
    return query.where(_FTS.c.token_search.op("MATCH")(_fts_query(words)))


# ------------------------------------------------------------------ text


def pieces(sought: str) -> list[str]:
    """Halves and thirds of at least three characters, the longest first."""
    cut = {sought[n * len(sought) // k : (n + 1) * len(sought) // k] for k in (2, 3) for n in range(k)}
    return sorted((piece for piece in cut if len(piece) >= TRIGRAM), key=lambda piece: (-len(piece), piece))


def _words(sought: str) -> list[str]:
    return sought.split()[:MAX_WORDS]


def _fts_query(words: Iterable[str]) -> str:
    """Trigrams, each an FTS5 string: between quotes, its own quotes doubled.

    Every other one from the end of the word that tells most (names differ in their digits and at their ends), and the
    last one of each other word. The index keeps no positions, so which order they stand in is checked on the rows;
    more trigrams than these cost more than they rule out (measured over a million names).
    """
    telling, *others = sorted(words, key=lambda word: (-sum(map(str.isdigit, word)), -len(word)))
    starts = range(len(telling) - TRIGRAM, -1, -2)[:_MOST_GRAMS]
    grams = dict.fromkeys([*(telling[at : at + TRIGRAM] for at in starts), *(word[-TRIGRAM:] for word in others)])
    return " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams)


def _rough(session: Session, sought: str) -> ColumnElement[bool]:
    """Every word occurs, as far as the database can tell: it folds A-Z only, so other letters are left to Python."""
    if is_sqlite(session):
        return and_(
            *(
                or_(TOKEN.c.display_name.like(_pattern(word), "\\"), TOKEN.c.external_id.like(_pattern(word), "\\"))
                for word in _words(sought)
            )
        )
    return and_(*(PG_SEARCHED.ilike(_pattern(word), "\\") for word in _words(sought)))


def _pattern(word: str) -> str:
    inert = re.sub(r"([\\%_])", r"\\\1", word)
    return "%" + "".join(c if c.isascii() else "_" for c in inert) + "%"


_NO_FIT = 3


def _fit(hit: Hit, sought: str) -> int:
    """0: so named; 1: begins so; 2: holds every word, one of them long enough to mean something; 3: does not."""
    key = sought.casefold()
    if key in hit.keys:
        return 0
    if any(name.startswith(key) for name in hit.keys):
        return 1
    words = _words(key)
    meant = any(len(word) >= TRIGRAM for word in words)
    return 2 if meant and all(any(word in name for name in hit.keys) for word in words) else _NO_FIT


def _rank(hit: Hit, sought: str) -> tuple[int, bool, int, str, int]:
    return _fit(hit, sought), hit.state != "active", len(hit.name), hit.name.casefold(), hit.id


def _likeness(hit: Hit, sought: str) -> float:
    key = sought.casefold()
    return max(_ratio(name, key) for name in hit.keys)


def _ratio(name: str, key: str) -> float:
    """0 to 1; cheap upper bounds first, since most names are nothing alike."""
    matcher = SequenceMatcher(None, name, key, autojunk=False)
    if matcher.real_quick_ratio() < _NEAR or matcher.quick_ratio() < _NEAR:
        return 0.0
    return matcher.ratio()
