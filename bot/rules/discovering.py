"""When the list of an issuing system is more likely wrong than the world, and who of the directory a hint means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_GONE_SHARE: Final = 1 / 3
FEWEST_GONE_TO_DOUBT: Final = 10


def is_doubtful(listed: int, known: int, gone: int) -> bool:
    """Whether a list is not to be believed: it is empty, or too much of what was there is not on it.

    Args:
        listed: how many credentials it names.
        known: how many we know to have been there.
        gone: how many of those it does not name.
    """
    if not listed:
        return known > 0
    return gone > max(FEWEST_GONE_TO_DOUBT, known * MOST_GONE_SHARE)


@dataclass(frozen=True)
class Hint:
    """Who may own a credential: in the issuing system's words, and who of the directory that is."""

    words: str = ""
    person_id: int | None = None


class Hints:
    """Whom the words of an issuing system mean: an address exactly, a name only where it is one person's.

    Args:
        people: id, address and name of everybody in the directory.
    """

    def __init__(self, people: Iterable[tuple[int, str, str]]) -> None:
        known = list(people)
        names = Counter(_folded(name) for _, _, name in known)
        self._by_email = {_folded(email): person_id for person_id, email, _ in known}
        self._by_name = {folded: i for i, _, name in known if (folded := _folded(name)) and names[folded] == 1}

    def best(self, hints: Sequence[str]) -> Hint:
        """The first that means somebody; else the first, as words alone."""
        for words in hints:
            person_id = self._by_email.get(_folded(words), self._by_name.get(_folded(words)))
            if person_id is not None:
                return Hint(words, person_id)
        return Hint(hints[0]) if hints else Hint()


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
