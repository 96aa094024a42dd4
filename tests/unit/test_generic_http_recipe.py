"""What a recipe may say: the ones that ship can be used, and every mistake is named with its line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.issuers.configuration import ConfigurationError, read_configuration
from bot.issuers.generic_http import KIND
from bot.issuers.http_options import HttpOptions
from bot.issuers.recipe import filled
from bot.issuers.recipe_file import load_recipe, read_recipe
from bot.rules.issuing import Capabilities, Proof
from bot.rules.policy_values import PolicyFaults
from tests.servers.issuers.tools import Drawer

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "issuers").glob("*.yaml"))
GOOD = """\
title: Example
documentation: https://example.com/docs
hosts: "*.example.com"
parameters:
  org: the organisation
auth:
  value: Bearer {secret}
list:
  request: GET orgs/{org}/tokens
  items: /data
look:
  request: GET orgs/{org}/tokens/{external_id}
  absent: 404
fields:
  external_id: /id
  expires_at: {at: /exp, as: seconds}
revoke:
  request: DELETE orgs/{org}/tokens/{external_id}
not_ours: it is of another kind
"""


def told(text: str) -> str:
    with pytest.raises(PolicyFaults) as raised:
        read_recipe(text, "mine.yaml")
    return str(raised.value)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_recipe_that_ships_can_be_used(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.revoke is not None
    assert recipe.documentation in path.read_text().partition("title:")[0]


def test_the_recipes_of_the_issue_are_there() -> None:
    names = {"okta", "cloudflare", "datadog", "atlassian", "jupyterhub", "verdaccio"}
    assert names <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE orgs/{org}/tokens", "line 18, column 12, revoke.request"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE orgs/{org}/tokens/", "names no single credential"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE tokens/{external_id}/all", "names no single credential"),
        ("DELETE orgs/{org}/tokens/{external_id}", "POST tokens/revoke", "names no single credential"),
        ("DELETE orgs/{org}/tokens/{external_id}", "GET tokens/{external_id}", "GET changes nothing"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE tokens/{external_id}/..", "no path below"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE tokens?id={external_id}", "This is no request"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE https://x.example.com/{external_id}", "no path below"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE //x.example.com/{external_id}", "This is no request"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE tokens/{external_id}/%2e%2e", "no path below"),
        ("DELETE orgs/{org}/tokens/{external_id}", "PURGE tokens/{external_id}", "This is no request"),
        ("DELETE orgs/{org}/tokens/{external_id}", "DELETE {tenant}/{external_id}", "Nothing gives {tenant} a value"),
        (
            "GET orgs/{org}/tokens\n",
            "DELETE orgs/{org}/tokens\n",
            "line 9, column 12, list.request: DELETE would",
        ),
        ("GET orgs/{org}/tokens\n", "GET orgs/{external_id}\n", "Nothing gives {external_id} a value"),
        ("GET orgs/{org}/tokens/{external_id}", "GET orgs/{org}/token", "names no single credential"),
        ("/id", "id", "line 15, column 16, fields.external_id: This is no JSON pointer"),
        ("as: seconds", "as: minutes", "fields.expires_at"),
        ("value: Bearer {secret}", "value: Bearer", "The secret is not in it"),
        ("  value: Bearer {secret}", "  header: Authorization", "clear what is sent"),
        ('hosts: "*.example.com"', "hosts: https://x", "This is no host"),
        ("title: Example\n", "", "The key title is missing"),
        ("absent: 404", "absent: 500", "absent"),
        ("not_ours:", "notours:", "There is no such key"),
        ("title: Example", "title: &a Example", "Anchors"),
        ("title: Example", "title: [Example", "mine.yaml, line"),
        ("  items: /data", "  paging: {next: /n, number: page}", "how the next page is found"),
        ("  items: /data", "  paging: {cursor: /c}", "has to be sent back"),
        ("  items: /data", "  headers: {Host: evil.example.com}", "cannot be set"),
        ("not_ours: it is of another kind", "enable:\n  request: POST x/{external_id}", "Nothing is disabled"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in told(GOOD.replace(old, new))


def test_a_recipe_that_sees_nothing_is_refused() -> None:
    without = GOOD.replace("list:", "listing:")
    assert "There is no such key" in told(without)
    blind = "\n".join(line for line in GOOD.splitlines() if line.strip() not in _SEEING)
    assert "has to be looked at" in told(blind)


_SEEING = {
    "list:",
    "request: GET orgs/{org}/tokens",
    "items: /data",
    "look:",
    "request: GET orgs/{org}/tokens/{external_id}",
    "absent: 404",
}


def test_what_a_value_brings_is_not_replaced_again() -> None:
    said = filled({"a": ["{x}", 1, None], "b": "{unknown}"}, {"x": "{y}", "y": "z"})
    assert said == {"a": ["{y}", 1, None], "b": "{unknown}"}


# ------------------------------------------------------------------ the issuers file


def options(**given: Any) -> HttpOptions:
    usual: dict[str, Any] = {
        "base": "https://api.example.com/v1",
        "recipe": read_recipe(GOOD, "good"),
        "secret": "env:OURS",
        "parameters": {"org": "acme"},
    }
    return HttpOptions.model_validate(usual | given)


def test_capabilities_follow_from_the_recipe() -> None:
    declared = KIND.build("example", options(), Drawer({}).tools()).capabilities
    assert declared == Capabilities(listing=True, expiry=True, revoke=True, verify=(Proof.RELIST,))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"base": "https://evil.example.org"}, "our credential would go elsewhere"),
        ({"base": "https://example.com"}, "our credential would go elsewhere"),
        ({"base": "https://evilexample.com"}, "our credential would go elsewhere"),
        ({"base": "http://api.example.com"}, "unprotected"),
        ({"parameters": {}}, "org is missing"),
        ({"parameters": {"org": "acme", "other": "x"}}, "no such parameter"),
        ({"parameters": {"org": ".."}}, "cannot stand in a path"),
        ({"parameters": {"org": "a/b"}}, "cannot stand in a path"),
        ({"parameters": {"org": "a\x00b"}}, "cannot stand in a path"),
        ({"secret": "made-up-secret"}, "no reference to a secret"),
        ({"recipe": "/nowhere/at-all.yaml"}, "cannot be read"),
        (
            {"recipe": read_recipe(GOOD.replace("not_ours: it is of another kind\n", ""), "x")},
            "which credential we use",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        options(**given)
    assert said in str(raised.value)
    assert "made-up-secret" not in str(raised.value)


def test_an_inline_recipe_is_told_by_the_line_of_the_issuers_file() -> None:
    indented = "".join(f"      {line}\n" for line in GOOD.splitlines())
    text = (
        "issuers:\n  example:\n    kind: http\n    base: https://api.example.com\n    secret: env:OURS\n"
        f"    parameters: {{org: acme}}\n    recipe:\n{indented}"
    )
    assert read_configuration(text, "issuers.yaml").issuers["example"].options is not None
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(text.replace("DELETE orgs/{org}/tokens/{external_id}", "DELETE orgs"), "issuers.yaml")
    assert "line 25" in str(raised.value)
    assert "issuers.example.recipe.revoke.request" in str(raised.value)


def test_a_recipe_in_a_file_is_told_by_its_own_lines(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("DELETE orgs/{org}/tokens/{external_id}", "DELETE orgs"))
    text = (
        "issuers:\n  example:\n    kind: http\n    base: https://api.example.com\n    secret: env:OURS\n"
        f"    parameters: {{org: acme}}\n    recipe: {path}\n"
    )
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(text, "issuers.yaml")
    assert "line 7" in str(raised.value)
    assert "mine.yaml, line 18" in str(raised.value)
