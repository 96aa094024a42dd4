"""The kinds of connector that are installed: ours and other packages', by the entry point group ``whose.issuers``.

One that cannot be loaded is in nobody's way: it is named with what to do, and every other one works.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from bot.errors import SettingsError
from bot.operations.issuer_port import Kind
from bot.rules.policy_values import suggest

GROUP: Final = "whose.issuers"


class KindError(SettingsError):
    """A connector that is there and cannot be used; the text says why and what to do."""


class NoSuchKindError(KindError):
    """Nothing that is installed brings a connector of this name. ``advice`` names what is near."""

    def __init__(self, name: str) -> None:
        self.advice = suggest(name, kind_names() or ["a package that brings a connector"])
        super().__init__(f"There is no such kind of issuing system. {self.advice}")


@dataclass(frozen=True)
class Broken:
    """A kind that is named by an installed package and cannot be loaded."""

    name: str
    why: str


def kind_names() -> list[str]:
    """Every kind that an installed package names, whether it can be loaded or not."""
    return sorted({one.name for one in entry_points(group=GROUP)})


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        NoSuchKindError: nothing brings one.
        KindError: it cannot be loaded.
    """
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise NoSuchKindError(name)
    if len(found) > 1:
        packages = " and ".join(sorted(_package(one) for one in found))
        raise KindError(f"Two packages bring a connector {name}: {packages}. Uninstall one of them.")
    return _loaded(found[0])


def every_kind() -> list[Kind | Broken]:
    """All kinds, by name."""
    return [_kind_or_broken(name) for name in kind_names()]


def _kind_or_broken(name: str) -> Kind | Broken:
    try:
        return kind_of(name)
    except KindError as error:
        return Broken(name, str(error))


def _loaded(point: EntryPoint) -> Kind:
    try:
        kind = point.load()
    except ModuleNotFoundError as error:
        raise KindError(
            f"The connector {point.name} needs {error.name}, which is not installed. "
            f"Install {_package(point)} with all that it needs: pip install '{_wanted(point)}'."
        ) from None
    except Exception as error:
        raise KindError(
            f"The connector {point.name} of {_package(point)} cannot be loaded ({type(error).__name__}). "
            "Install another release of that package, or uninstall it."
        ) from error
    if not isinstance(kind, Kind) or kind.name != point.name:
        raise KindError(
            f"What {_package(point)} brings as the connector {point.name} is none: {point.value} has to be a Kind "
            "of that name. Tell whoever makes that package."
        )
    return kind


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.module


def _wanted(point: EntryPoint) -> str:
    return f"{_package(point)}[{','.join(point.extras)}]" if point.extras else _package(point)
