"""What the issuers file says of a system that a recipe speaks to, checked against the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import httpx
from pydantic import BeforeValidator, Field, model_validator

from bot.issuers.addresses import Address
from bot.issuers.outside import is_identifier
from bot.issuers.recipe import Recipe
from bot.issuers.recipe_file import load_recipe
from bot.operations.issuer_port import Options
from bot.operations.secret_refs import SecretRef
from bot.rules.policy_values import Fault, raise_if


def _recipe(value: object) -> object:
    return load_recipe(Path(value)) if isinstance(value, str) else value


class HttpOptions(Options):
    """A system in ``issuers.yaml`` that a recipe speaks to."""

    base: Address
    """Where its interface begins; the recipe's paths are below it."""
    recipe: Annotated[Recipe, BeforeValidator(_recipe)]
    """The name of a file, or the recipe itself."""
    secret: SecretRef
    secrets: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], SecretRef] = Field(default_factory=dict)
    """More of them, for systems that want two."""
    parameters: dict[str, Annotated[str, Field(min_length=1, max_length=200)]] = Field(default_factory=dict)
    own_id: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """The id of the credential behind ``secret``, where the recipe does not say how to find it."""
    ca_file: str = ""
    """Root certificates, where they are not those of the machine."""

    @model_validator(mode="after")
    def _fits_the_recipe(self) -> Self:
        faults = []
        host = httpx.URL(self.base).host
        if self.recipe.hosts and not any(_is_below(host, one) for one in self.recipe.hosts):
            said = f"The recipe is for {' and '.join(self.recipe.hosts)}; our credential would go elsewhere."
            faults.append(Fault(("base",), said, "Mend the address, or the recipe's hosts."))
        for name in sorted(set(self.recipe.parameters) - set(self.parameters)):
            faults.append(Fault(("parameters",), f"{name} is missing.", f"Add {self.recipe.parameters[name]}."))
        for name in sorted(set(self.parameters) - set(self.recipe.parameters)):
            faults.append(Fault(("parameters", name), "The recipe has no such parameter.", "Leave it out."))
        for name, value in self.parameters.items():
            if not is_identifier(value) or not is_segment(value):
                faults.append(Fault(("parameters", name), "This cannot stand in a path.", "Leave out / and \\."))
        for name in sorted({one.secret for one in self.recipe.auth} - {"secret", *self.secrets}):
            faults.append(Fault(("secrets",), f"{name} is missing.", "Add a reference to it."))
        acts = self.recipe.revoke is not None or self.recipe.disable is not None
        if acts and self.own_id is None and self.recipe.own is None and self.recipe.not_ours is None:
            hint = "Add own_id: with its id, so that Whose never ends it."
            faults.append(Fault((), "Nothing says which credential we use ourselves.", hint))
        raise_if(faults)
        return self


def _is_below(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def is_segment(text: str) -> bool:
    """Whether an id stays one segment of a path, also where a server decodes before it splits."""
    return text not in (".", "..") and "/" not in text and "\\" not in text
