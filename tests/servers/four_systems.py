"""Four issuing systems at once, with an issuers file that names them all: AWS (moto, IAM enforced), a GitLab, roles of
a PostgreSQL, and a help desk that a recipe speaks to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final

import yaml
from moto.iam.models import AccessKeyLastUsed, iam_backends

from tests.servers.issuers import aws, gitlab, postgres
from tests.servers.issuers.aws import AwsGround
from tests.servers.issuers.ground import Made
from tests.servers.issuers.http_double import Asked, HttpDouble, Replied, serving
from tests.servers.moto import ACCOUNT

UNENDED: Final = ("northpeak-build-04", "northpeak-agent-07")
"""Which of the forty cannot be ended."""
SECRET: Final = "help-desk-secret-of-the-bot"
RECIPE: Final = {
    "title": "Keys of the help desk",
    "documentation": "https://helpdesk.example.com/api",
    "auth": {"value": "Bearer {secret}"},
    "list": {"request": "GET keys", "items": "/keys"},
    "look": {"request": "GET keys/{external_id}", "absent": 404},
    "fields": {"external_id": "/id", "name": "/name", "credential_type": "help desk key"},
    "revoke": {"request": "DELETE keys/{external_id}", "expect": 204, "absent": 404},
}


class HelpDesk(HttpDouble):
    """A system with keys. Of those in ``stubborn`` it says that they are deleted, and keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, str] = {"own": "the bot's"}
        self.stubborn: set[str] = set()
        self._numbers = count(1)

    def make(self, name: str) -> str:
        key_id = f"hd-{next(self._numbers):04}"
        self.keys[key_id] = name
        return key_id

    def answer(self, asked: Asked) -> Replied:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return Replied(401, {"error": "unauthorized"})
        listed = [{"id": one, "name": name} for one, name in self.keys.items()]
        if asked.path == "/keys":
            return Replied(200, {"keys": listed})
        key_id = asked.path.rpartition("/")[2]
        if key_id not in self.keys:
            return Replied(404, {"error": "not found"})
        if asked.method == "DELETE":
            if key_id not in self.stubborn:
                del self.keys[key_id]
            return Replied(204, headers={"x-request-id": f"hd-{len(self.asked)}"})
        return Replied(200, {"id": key_id, "name": self.keys[key_id]})


@dataclass(frozen=True)
class Held:
    """A credential of a vendor: where, under which id, called what."""

    system: str
    external_id: str
    name: str


@dataclass
class FourSystems:
    """The systems, what was made there for vendors, and which of it cannot be ended."""

    aws: AwsGround
    gitlab: gitlab.GitLabDouble
    postgres: postgres.PostgresGround
    desk: HelpDesk
    folder: Path
    project: int = 0
    root: str = ""
    made: dict[str, Made] = field(default_factory=dict)
    _barred: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.project = self.gitlab.add_place("projects")
        self.root = self.gitlab.add_personal(self.gitlab.root, "whose").secret
        self.gitlab.instead = self._refusing

    def _refusing(self, asked: Asked) -> Replied | None:
        barred = asked.method == "DELETE" and asked.path.rpartition("/")[2] in self._barred
        return Replied(403, {"message": "403 Forbidden"}) if barred else None

    # ------------------------------------------------------------------ what vendors hold

    def key(self, name: str) -> Held:
        """An access key of AWS; its secret is in ``made``."""
        self.made[name] = made = self.aws.make(name)
        return Held("aws-prod", made.credential.external_id, name)

    def date(self, one: Held, *, made_at: datetime, used_at: datetime) -> None:
        """Have AWS say that a key was made and last used then; nobody can choose that over its interface."""
        keys = iam_backends[ACCOUNT]["aws"].users[self.made[one.name].credential.name].access_keys
        stored = next(key for key in keys if key.access_key_id == one.external_id)
        stored.create_date = made_at.replace(tzinfo=None)
        stored.last_used = AccessKeyLastUsed(used_at.replace(tzinfo=None), "s3", "eu-west-1")

    def project_token(self, name: str) -> Held:
        token = self.gitlab.add_token("projects", self.project, name)
        return Held("gitlab", f"project:{self.project}:{token.id}", name)

    def role(self, name: str) -> Held:
        made = self.postgres.make(name)
        self.made[name] = made
        return Held("warehouse", made.credential.external_id, name)

    def desk_key(self, name: str) -> Held:
        return Held("help-desk", self.desk.make(name), name)

    def forty(self) -> list[Held]:
        """Ten at each system, in turns. Two cannot be ended: GitLab refuses one, the help desk lies about one."""
        makers = (self.key, self.project_token, self.role, self.desk_key)
        names = ("export", "build", "loader", "agent")
        found = [
            make(f"northpeak-{what}-{number:02}")
            for number in range(1, 11)
            for make, what in zip(makers, names, strict=True)
        ]
        by_name = {one.name: one for one in found}
        barred, stubborn = UNENDED
        self._barred.add(by_name[barred].external_id.rpartition(":")[2])
        self.desk.stubborn.add(by_name[stubborn].external_id)
        return found

    def works(self, one: Held) -> bool:
        """Whether it is still there, asked of the system's own memory."""
        match one.system:
            case "aws-prod":
                return one.external_id in self.aws.statuses(self.made[one.name].credential.name)
            case "gitlab":
                return not self.gitlab.held[int(one.external_id.rpartition(":")[2])].revoked
            case "warehouse":
                return self.postgres.accepts(self.made[one.name])
            case _:
                return one.external_id in self.desk.keys

    # ------------------------------------------------------------------ the issuers file

    def issuers_file(self) -> Path:
        """Written with every secret in a file of its own."""
        key_id, secret = self.aws.own_pair()
        path = self.folder / "issuers.yaml"
        recipe = self.folder / "help-desk.yaml"
        recipe.write_text(yaml.safe_dump({**RECIPE}, sort_keys=False))
        systems = {
            "aws-prod": {
                "kind": "aws_iam",
                "access_key_id": self._kept("aws-id", key_id),
                "secret_access_key": self._kept("aws-secret", secret.get_secret_value()),
                "region": aws.REGION,
                "endpoint_url": self.aws.url,
            },
            "gitlab": {
                "kind": "gitlab",
                "url": self.gitlab.url,
                "token": self._kept("gitlab", self.root),
                "projects": [self.project],
                "groups": [],
            },
            "warehouse": {
                "kind": "postgres_roles",
                "host": str(self.postgres.folder),
                "user": "whose_bot",
                "password": self._kept("warehouse", self.postgres.password.get_secret_value()),
                "sslmode": "disable",
            },
            "help-desk": {
                "kind": "http",
                "base": self.desk.url,
                "recipe": str(recipe),
                "secret": self._kept("desk", SECRET),
                "own_id": "own",
            },
        }
        path.write_text(yaml.safe_dump({"issuers": systems}, sort_keys=False))
        return path

    def _kept(self, name: str, secret: str) -> str:
        path = self.folder / f"secret-{name}"
        path.write_text(secret)
        path.chmod(0o600)
        return f"file:{path}"


@contextmanager
def four_systems(folder: Path) -> Iterator[FourSystems]:
    """All four, running; their files are in ``folder``."""
    with ExitStack() as stack:
        account = stack.enter_context(aws.running())
        projects = stack.enter_context(gitlab.running_gitlab())
        roles = stack.enter_context(postgres.running())
        desk = HelpDesk()
        stack.enter_context(serving(desk))
        yield FourSystems(account, projects, roles, desk, folder)


def inventory_rows(tokens: list[Held], vendors: list[str], owners: list[str], now: datetime) -> str:
    """The rows of a tokens.csv: none of them due by itself, half in production."""
    lines = [
        "external_id,issuing_system,display_name,vendor,purpose,environment,data_classification,customer_data,"
        "service_owner,created_at,expires_at,last_used_at,last_rotated_at,last_attested_at"
    ]
    for number, one in enumerate(tokens):
        place = ("production,confidential,true", "staging,internal,false")[number // 4 % 2]
        dates = f"2025-11-03,2027-08-31,{now:%Y-%m-%d},2026-10-05,2026-11-02"
        vendor, owner = vendors[number % len(vendors)], owners[number // 4 % len(owners)]
        what = f"{_cell(one.external_id)},{one.system},{one.name},{vendor},Feeds the resale portal"
        lines.append(f"{what},{place},{owner},{dates}")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return f'"{text}"' if re.search(r'[,"]', text) else text
