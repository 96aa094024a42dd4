"""Reading a policy file: every mistake with its line and key, in plain words: the place, what is wrong, what to do."""

from __future__ import annotations

from importlib import resources
from typing import Final

from pydantic import ValidationError

from bot.rules.policy import Policy
from bot.rules.policy_yaml import MAX_BYTES, MAX_DEPTH, PolicyProblem, read_yaml
from bot.rules.yaml_faults import Wording, problems_of

__all__ = ["MAX_BYTES", "MAX_DEPTH", "PolicyError", "PolicyProblem", "default_policy_text", "load_policy"]

MAX_PROBLEMS: Final = 100
_WORDING: Final = Wording("Compare it with the default policy.")


class PolicyError(ValueError):
    """A policy that cannot be used. `problems` are in the order of the file, `name` is the file's."""

    def __init__(self, name: str, problems: list[PolicyProblem]) -> None:
        self.name = name
        self.problems = tuple(sorted(problems)[:MAX_PROBLEMS])
        super().__init__("\n".join(f"{name}, {problem}" for problem in self.problems))


def load_policy(text: str, name: str) -> Policy:
    """The policy in a YAML text; `name` (the file's) is used in messages only. Raises PolicyError."""
    document = read_yaml(text)
    if document.problems:
        raise PolicyError(name, document.problems)
    if document.value is None:
        hint = "Start from the default policy that comes with Whose."
        raise PolicyError(name, [PolicyProblem(1, 1, "", "The policy is empty.", hint)])
    try:
        return Policy.model_validate(document.value)
    except ValidationError as error:
        raise PolicyError(name, problems_of(error, document, Policy, _WORDING)) from None


def default_policy_text() -> str:
    """The commented policy that ships with Whose and is in force until another one is named."""
    return resources.files("bot.rules").joinpath("default_policy.yaml").read_text(encoding="utf-8")
