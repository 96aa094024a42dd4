"""GitHub's published OpenAPI description as a judge: of every request that we make, and every answer of the double.

The description comes from the npm package ``@octokit/openapi`` (MIT). It is large: what the paths in use need is
cut out once and kept in the user's cache.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from jsonschema import Draft7Validator

from tests.servers.issuers.npm_packages import has_npm

PACKAGE: Final = "@octokit/openapi@23.0.2"
"""The one place that names the version."""
_FILE: Final = "package/generated/ghec.json"  # Enterprise Cloud has everything that we call, single sign-on too
CALLED: Final = {
    "/app/installations/{installation_id}": ("get",),
    "/app/installations/{installation_id}/access_tokens": ("post",),
    "/installation/repositories": ("get",),
    "/orgs/{org}/credential-authorizations": ("get",),
    "/orgs/{org}/credential-authorizations/{credential_id}": ("delete",),
    "/orgs/{org}/personal-access-tokens": ("get",),
    "/orgs/{org}/personal-access-tokens/{pat_id}": ("post",),
    "/repos/{owner}/{repo}/keys": ("get",),
    "/repos/{owner}/{repo}/keys/{key_id}": ("get", "delete"),
}
"""What may be called at all. Anything else, the bulk endpoints above all, is a breach."""
_SCHEMAS: Final = "#/components/schemas/"
_PROSE: Final = ("description", "example", "summary")
_EVERYWHERE: Final = ("301", "401", "403", "404", "429")
"""What GitHub answers to any call, and describes in its guides instead of at each call."""


def why_not() -> str:
    """Why there is no description on this machine; empty: it can be had."""
    return "" if has_npm() or _kept().exists() else "npm is not installed: GitHub's OpenAPI description"


@cache
def contract() -> Contract:
    """The description of what we call. Needs npm the first time."""
    kept = _kept()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        made = kept.with_suffix(f".{os.getpid()}")
        made.write_text(json.dumps(_cut(_published())), encoding="utf-8")
        made.replace(kept)
    return Contract(json.loads(kept.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Contract:
    """Finds what a request or an answer has against the description."""

    document: dict[str, Any]

    def operation(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        """The operation of a path, and the values of its placeholders; None: it may not be called."""
        for template, methods in self.document["paths"].items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            found = re.fullmatch(pattern, path)
            if found is not None and method.lower() in methods:
                return methods[method.lower()], found.groupdict()
        return None

    def faults_of_request(self, method: str, path: str, query: str, body: bytes) -> list[str]:
        """What is wrong with a request: its path, query, or body."""
        found = self.operation(method, path)
        if found is None:
            return [f"{method} {path} is not among the calls that may be made"]
        operation, placeholders = found
        given = {("path", name): value for name, value in placeholders.items()}
        given |= {("query", name.removesuffix("[]")): value for name, value in parse_qsl(query)}
        known = {(one["in"], one["name"]): one for one in operation["parameters"]}
        faults = [f"unknown parameter {name}" for name in given if name not in known]
        for name, one in known.items():
            if name in given:
                faults += self._faults(_typed(given[name], one["schema"]), one["schema"], str(name))
            elif one.get("required"):
                faults.append(f"{name} is missing")
        return faults + self._faults_of_body(operation, body)

    def faults_of_answer(self, method: str, path: str, status: int, headers: dict[str, str], body: bytes) -> list[str]:
        """What is wrong with an answer: a status, header or body that the description does not have."""
        found = self.operation(method, path)
        if found is None:
            return []
        answers = found[0]["responses"]
        answer = answers.get(str(status))
        if answer is None and str(status) in _EVERYWHERE:
            answer = {"content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}basic-error"}}}}
        if answer is None:
            return [f"{method} {path} is not described to answer {status}"]
        content = answer["content"].get("application/json")
        if content is None:
            return [f"{status} has a body"] if body else []
        if not headers.get("content-type", "").startswith("application/json"):
            return [f"{status} is not sent as JSON"]
        return self._faults(json.loads(body), content["schema"], f"answer {status}")

    def _faults_of_body(self, operation: dict[str, Any], body: bytes) -> list[str]:
        described = operation["requestBody"]["content"].get("application/json")
        if described is None:
            return ["a body that is not described"] if body else []
        if not body:
            return ["no body"] if operation["requestBody"]["required"] else []
        schema = described["schema"]
        sent = json.loads(body)
        unknown = set(sent) - set(schema.get("properties", sent))
        return [f"unknown field {one}" for one in sorted(unknown)] + self._faults(sent, schema, "body")

    def _faults(self, value: object, schema: dict[str, Any], where: str) -> list[str]:
        whole = {"allOf": [schema], "components": self.document["components"]}
        return [f"{where} at {'/'.join(map(str, one.path))}: {one.message[:200]}" for one in _errors(whole, value)]


def _errors(schema: dict[str, Any], value: object) -> list[Any]:
    return list(Draft7Validator(schema).iter_errors(value))


def _typed(text: str, schema: dict[str, Any]) -> object:
    if schema.get("type") == "integer" and re.fullmatch(r"\d+", text):
        return int(text)
    return [text] if schema.get("type") == "array" else text


def _kept() -> Path:
    version = PACKAGE.rpartition("@")[2]
    wanted = zlib.crc32(json.dumps(CALLED).encode())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "whose-tests" / f"github-openapi-{version}-{wanted:08x}.json"


def _published() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", PACKAGE, "--silent", "--no-fund", "--no-audit"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            file = packed.extractfile(_FILE)
            assert file is not None
            return dict(json.load(file))


def _cut(published: dict[str, Any]) -> dict[str, Any]:
    """The calls in use with all that they refer to, as JSON Schema: OpenAPI 3.0 says ``nullable`` in its own way."""
    cut: dict[str, Any] = {"paths": {}, "components": {"schemas": {}}}
    for path, methods in CALLED.items():
        cut["paths"][path] = {one: _operation(published, published["paths"][path][one]) for one in methods}
    schemas = cut["components"]["schemas"]
    missing = {"basic-error", *_referred(cut["paths"])}
    while missing:
        for name in missing:
            schemas[name] = _nullable(published["components"]["schemas"][name])
        missing = set(_referred(schemas)) - set(schemas)
    return cut


def _operation(published: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    return {
        "parameters": [_nullable(_resolved(published, one)) for one in operation.get("parameters", [])],
        "requestBody": _schemas(operation.get("requestBody", {})),
        "responses": {s: _schemas(_resolved(published, one)) for s, one in operation["responses"].items()},
    }


def _schemas(body: dict[str, Any]) -> dict[str, Any]:
    content = {kind: {"schema": _nullable(one["schema"])} for kind, one in body.get("content", {}).items()}
    return {"required": body.get("required", False), "content": content}


def _resolved(published: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = published
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = found
    return part


def _referred(part: object) -> list[str]:
    if isinstance(part, dict):
        reference = part.get("$ref", "")
        own = [reference.removeprefix(_SCHEMAS)] if str(reference).startswith(_SCHEMAS) else []
        return own + [name for below in part.values() for name in _referred(below)]
    return [name for below in part for name in _referred(below)] if isinstance(part, list) else []


def _nullable(part: Any) -> Any:
    if isinstance(part, list):
        return [_nullable(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _nullable(below) for key, below in part.items() if not (key in _PROSE and isinstance(below, str))}
    if kept.get("nullable") is True:
        del kept["nullable"]
        return {"anyOf": [kept, {"type": "null"}]}
    return kept
