"""Reading a recipe: every mistake with its file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bot.issuers.recipe import Recipe
from bot.rules.policy_values import Fault, PolicyFaults
from bot.rules.policy_yaml import MAX_BYTES, PolicyProblem, read_yaml
from bot.rules.yaml_faults import Wording, problems_of

_WORDING: Final = Wording("Compare it with the recipes in examples/issuers.")
_MOST: Final = 20


def read_recipe(text: str, name: str) -> Recipe:
    """The recipe in a YAML text; ``name`` (the file's) is used in messages only.

    Raises:
        PolicyFaults: it cannot be used; one fault for each mistake.
    """
    document = read_yaml(text)
    if document.problems:
        raise _faults(name, document.problems)
    if document.value is None:
        raise _faults(name, [PolicyProblem(1, 1, "", "The recipe is empty.", _WORDING.compare_with)])
    try:
        return Recipe.model_validate(document.value)
    except ValidationError as error:
        raise _faults(name, problems_of(error, document, Recipe, _WORDING)) from None


def load_recipe(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        PolicyFaults: it cannot be read, or used.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise PolicyFaults(
            [Fault((), f"{path} cannot be read: {error.strerror}.", "Name a file with a recipe, or write it here.")]
        ) from None
    except UnicodeDecodeError:
        raise PolicyFaults([Fault((), f"{path} is no UTF-8 text.", "Save it as UTF-8.")]) from None
    return read_recipe(text, str(path))


def _faults(name: str, problems: list[PolicyProblem]) -> PolicyFaults:
    """As faults of the one key that names the file: they say themselves where they are."""
    told = [Fault((), f"{name}, {one}", "") for one in sorted(problems)[:_MOST]]
    return PolicyFaults(told)
