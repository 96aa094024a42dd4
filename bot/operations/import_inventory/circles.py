"""Chains that must end: managers, parents of vendors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def find_circle(above: Mapping[str, str]) -> list[str] | None:
    """The members of one circle of ``above`` (each name to the one above it), or None where every chain ends."""
    finished: set[str] = set()
    for start in above:
        seen: dict[str, None] = {}
        current: str | None = start
        while current is not None and current not in finished:
            if current in seen:
                members = list(seen)
                return members[members.index(current) :]
            seen[current] = None
            current = above.get(current)
        finished.update(seen)
    return None


def circles(
    stored: Mapping[str, str], given: Mapping[str, str], order: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, list[str]]]:
    """The rows to refuse so that every chain ends: each with the circle that it closes.

    Args:
        stored: name to the one above it, as it is now.
        given: the same as the rows of this run say; empty: nobody. It goes before ``stored``.
        order: where each given name stands; the first row of a circle is the one refused.
    """
    chains = {**stored, **given}
    while circle := find_circle({name: above for name, above in chains.items() if above}):
        blamed = min((one for one in circle if one in given), key=order.__getitem__, default=None)
        if blamed is None or chains[blamed] == stored.get(blamed):
            chains.pop(circle[0])  # it was stored so before us: nothing that these rows can mend
            continue
        yield blamed, circle
        chains[blamed] = stored.get(blamed, "")


def describe(circle: list[str]) -> str:
    """``a → b → a``, cut where it is long."""
    shown = circle[:6] + (["…"] if len(circle) > 6 else []) + circle[:1]
    return " → ".join(shown)
