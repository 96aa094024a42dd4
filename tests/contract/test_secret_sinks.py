"""Where new secrets are delivered: one suite over every sink, and what is particular to each."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.aws_calls import Keys
from bot.issuers.aws_secrets import SecretsManager
from bot.issuers.secrets import Secrets, Vault
from bot.issuers.sinks import FileSink, VaultSink
from bot.operations.issuer_port import SecretSink
from tests.servers.issuers.vault import TOKEN, VaultServer, vault_server
from tests.servers.moto import aws_account

OLD, NEW, NEWER = SecretStr("old-secret-0001"), SecretStr("new-secret-0002"), SecretStr("newer-secret-0003")


@dataclass
class Place:
    """A sink, a reference there, and what a reader gets, asked without the sink."""

    sink: SecretSink
    ref: str
    reads: Any
    raw: Any = None


@contextmanager
def in_a_file(folder: Path) -> Iterator[Place]:
    folder.chmod(0o700)
    path = folder / "token"
    path.touch(0o600)
    path.write_text("old-secret-0001\n")
    yield Place(FileSink(), f"file:{path}", lambda: Secrets({}).read(f"file:{path}").get_secret_value(), path)


@contextmanager
def in_vault(folder: Path) -> Iterator[Place]:
    with vault_server() as server:
        server.versions["app/ci"] = [{"key": OLD.get_secret_value(), "other": "stays", "number": 3}]
        vault = Vault(server.address, SecretStr(TOKEN))
        read = Secrets({}, vault).read
        yield Place(
            VaultSink(vault), "vault:kv/app/ci#key", lambda: read("vault:kv/app/ci#key").get_secret_value(), server
        )
        newest = server.newest("app/ci")
        assert newest is not None
        assert (newest["other"], newest["number"]) == ("stays", 3)
        vault.close()


@contextmanager
def in_aws(folder: Path, field: str = "#key") -> Iterator[Place]:
    old = '{"key": "old-secret-0001", "other": "stays"}' if field else "old-secret-0001"
    with aws_account() as account:
        client = account.client("secretsmanager")
        name = f"app/ci-{os.urandom(4).hex()}"
        client.create_secret(Name=name, SecretString=old)
        sink = SecretsManager(Keys(SecretStr("testing"), SecretStr("testing"), "eu-west-1", account.url))
        ref = f"aws-sm:{name}{field}"
        yield Place(sink, ref, lambda: sink.read(ref).get_secret_value(), client)
        if field:
            assert '"other": "stays"' in client.get_secret_value(SecretId=name)["SecretString"]
        sink.close()


@contextmanager
def in_aws_whole(folder: Path) -> Iterator[Place]:
    with in_aws(folder, "") as place:
        yield place


@pytest.fixture(params=[in_a_file, in_vault, in_aws, in_aws_whole], ids=lambda one: str(one.__name__))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with request.param(tmp_path) as found:
        yield found


def text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def test_a_preflight_changes_nothing(place: Place) -> None:
    for _ in range(2):
        check = place.sink.preflight(place.ref)
        assert check.ok, check
        assert place.reads() == "old-secret-0001"
        assert place.sink.staged(place.ref) is None


def test_a_secret_is_staged_beside_the_one_that_is_read(place: Place) -> None:
    place.sink.stage(place.ref, NEW)
    assert place.reads() == "old-secret-0001"
    assert text(place.sink.current(place.ref)) == "old-secret-0001"
    assert text(place.sink.staged(place.ref)) == "new-secret-0002"
    place.sink.stage(place.ref, NEWER)
    assert text(place.sink.staged(place.ref)) == "newer-secret-0003"
    assert place.sink.preflight(place.ref).ok
    assert text(place.sink.staged(place.ref)) == "newer-secret-0003", "a preflight loses nothing that is staged"


def test_what_is_promoted_is_what_is_read(place: Place) -> None:
    place.sink.stage(place.ref, NEW)
    version = place.sink.promote(place.ref)
    assert version
    assert "new-secret" not in version
    assert place.reads() == "new-secret-0002"
    assert place.sink.staged(place.ref) is None
    with pytest.raises(UpstreamError, match="Nothing is staged"):
        place.sink.promote(place.ref)
    assert place.reads() == "new-secret-0002"
    place.sink.stage(place.ref, NEWER)
    place.sink.promote(place.ref)
    assert place.reads() == "newer-secret-0003"


def test_what_is_discarded_is_gone(place: Place) -> None:
    place.sink.discard(place.ref)
    place.sink.stage(place.ref, NEW)
    place.sink.discard(place.ref)
    assert place.sink.staged(place.ref) is None
    assert place.reads() == "old-secret-0001"
    place.sink.discard(place.ref)


def test_awkward_secrets_come_back_as_they_were(place: Place) -> None:
    for secret in ("with\nlines\n", "ends\r\n", "\u00fc\u4e16 'quotes\" \\n", " spaces ", '{"json": 1}', "x" * 20_000):
        place.sink.stage(place.ref, SecretStr(secret))
        assert text(place.sink.staged(place.ref)) == secret
        place.sink.promote(place.ref)
        assert text(place.sink.current(place.ref)) == secret
        assert place.reads() == secret


def test_no_error_holds_a_secret(place: Place) -> None:
    place.sink.stage(place.ref, NEW)
    bad = {
        "file": "file:relative",
        "vault": "vault:nowhere",
        "aws-sm": "aws-sm:app/not-there#key",
    }[place.ref.partition(":")[0]]
    for attempt in (lambda: place.sink.stage(bad, NEWER), lambda: place.sink.promote(bad)):
        with pytest.raises(UpstreamError) as caught:
            attempt()
        assert "secret-000" not in str(caught.value)
    assert "secret-000" not in f"{place.sink!r} {vars(place.sink) if hasattr(place.sink, '__dict__') else ''}"


# ------------------------------------------------------------------ files


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Place]:
    with in_a_file(tmp_path) as found:
        yield found


def refused(place: Place, ref: str, says: str) -> None:
    check = place.sink.preflight(ref)
    assert not check.ok
    assert says in check.said
    assert check.advice
    with pytest.raises(UpstreamError, match=says):
        place.sink.stage(ref, NEW)


def test_files_are_their_owners_alone(file: Place) -> None:
    file.sink.stage(file.ref, NEW)
    staged = file.raw.with_name(".token.staged")
    assert stat.S_IMODE(staged.stat().st_mode) == 0o600
    file.sink.promote(file.ref)
    assert stat.S_IMODE(file.raw.stat().st_mode) == 0o600
    assert [one.name for one in file.raw.parent.iterdir()] == ["token"], "nothing is left behind"


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o770, 0o704])
def test_a_folder_that_is_open_to_others_is_refused(file: Place, mode: int) -> None:
    file.raw.parent.chmod(mode)
    refused(file, file.ref, "is open to other people")
    assert file.reads() == "old-secret-0001"


def test_whoever_reads_by_a_group_is_not_locked_out(file: Place) -> None:
    file.raw.chmod(0o640)
    refused(file, file.ref, "is not Whose's alone")


def test_nothing_is_followed(file: Place, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    refused(file, f"file:{tmp_path}/link/token", "symbolic link")
    (tmp_path / "real" / "token").symlink_to(file.raw)
    refused(file, f"file:{tmp_path}/real/token", "symbolic link")
    refused(file, f"file:{tmp_path}/gone/token", "cannot be used")
    refused(file, f"file:{tmp_path}/real/../token", "is written file:")
    (tmp_path / "real" / "folder").mkdir()
    refused(file, f"file:{tmp_path}/real/folder", "is no file")


def test_a_new_file_can_be_made(file: Place, tmp_path: Path) -> None:
    ref = f"file:{tmp_path}/new"
    assert file.sink.current(ref) is None
    assert file.sink.preflight(ref).ok
    assert not (tmp_path / "new").exists()
    file.sink.stage(ref, NEW)
    file.sink.promote(ref)
    assert text(file.sink.current(ref)) == "new-secret-0002"


# ------------------------------------------------------------------ Vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Place]:
    with in_vault(tmp_path) as found:
        yield found


def test_a_preflight_of_vault_writes_nothing(vault: Place) -> None:
    server: VaultServer = vault.raw
    assert vault.sink.preflight(vault.ref).ok
    assert len(server.versions["app/ci"]) == 1
    assert vault.sink.preflight("vault:kv/app/new#key").ok
    assert not server.versions.get("app/new")


def test_a_token_that_may_not_write_is_told_before(vault: Place) -> None:
    server: VaultServer = vault.raw
    server.may_write = False
    check = vault.sink.preflight(vault.ref)
    assert not check.ok
    assert "cannot be written" in check.said
    with pytest.raises(UpstreamError, match="does not take"):
        vault.sink.stage(vault.ref, NEW)
    server.may_read, server.may_write = False, True
    assert not vault.sink.preflight(vault.ref).ok
    other = VaultSink(Vault(server.address, SecretStr("hvs.another-token")))
    assert not other.preflight(vault.ref).ok
    assert not vault.sink.preflight("vault:another/app#key").ok or not server.versions.get("another/app")


def test_what_somebody_else_writes_meanwhile_is_not_lost(vault: Place) -> None:
    server: VaultServer = vault.raw
    theirs = {"key": "old-secret-0001", "other": "stays", "number": 3, "theirs": "new"}
    server.meanwhile = theirs
    with pytest.raises(UpstreamError):
        vault.sink.stage(vault.ref, NEW)
    assert server.newest("app/ci") == theirs
    vault.sink.stage(vault.ref, NEW)
    server.meanwhile = {**(server.newest("app/ci") or {}), "theirs": "newer"}
    with pytest.raises(UpstreamError):
        vault.sink.promote(vault.ref)
    assert vault.reads() == "old-secret-0001"
    vault.sink.promote(vault.ref)
    assert server.newest("app/ci") == {**theirs, "theirs": "newer", "key": "new-secret-0002"}


def test_an_entry_that_was_deleted_can_be_written_again(vault: Place) -> None:
    server: VaultServer = vault.raw
    server.versions["app/gone"] = [{"key": "x"}, None]
    ref = "vault:kv/app/gone#key"
    assert vault.sink.current(ref) is None
    vault.sink.stage(ref, NEW)
    vault.sink.promote(ref)
    assert server.newest("app/gone") == {"key": "new-secret-0002"}


def test_a_vault_that_is_not_there_is_no_empty_one() -> None:
    sink = VaultSink(Vault("http://127.0.0.1:9", SecretStr(TOKEN)))
    assert not sink.preflight("vault:kv/app#key").ok
    for attempt in (sink.staged, sink.current, sink.promote):
        with pytest.raises(UpstreamError):
            attempt("vault:kv/app#key")


# ------------------------------------------------------------------ AWS Secrets Manager


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Place]:
    with in_aws(tmp_path) as found:
        yield found


def test_aws_keeps_the_old_one_as_its_previous(aws: Place) -> None:
    name = aws.ref.removeprefix("aws-sm:").removesuffix("#key")
    aws.sink.stage(aws.ref, NEW)
    aws.sink.promote(aws.ref)
    previous = aws.raw.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"]
    assert "old-secret-0001" in previous
    labels = aws.raw.describe_secret(SecretId=name)["VersionIdsToStages"].values()
    assert sorted(one for label in labels for one in label) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_field_that_changed_since_is_kept(aws: Place) -> None:
    name = aws.ref.removeprefix("aws-sm:").removesuffix("#key")
    aws.sink.stage(aws.ref, NEW)
    aws.raw.put_secret_value(SecretId=name, SecretString='{"key": "old-secret-0001", "other": "stays", "more": "1"}')
    aws.sink.promote(aws.ref)
    assert text(aws.sink.current(aws.ref)) == "new-secret-0002"
    assert '"more": "1"' in aws.raw.get_secret_value(SecretId=name)["SecretString"]


def test_a_crash_between_the_two_labels_leaves_nothing_staged(aws: Place) -> None:
    name = aws.ref.removeprefix("aws-sm:").removesuffix("#key")
    aws.sink.stage(aws.ref, NEW)
    to = aws.raw.get_secret_value(SecretId=name, VersionStage="AWSPENDING")["VersionId"]
    now = aws.raw.get_secret_value(SecretId=name)["VersionId"]
    aws.raw.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=now, MoveToVersionId=to
    )
    assert aws.sink.staged(aws.ref) is None
    aws.sink.stage(aws.ref, NEWER)
    assert text(aws.sink.staged(aws.ref)) == "newer-secret-0003"


def test_what_is_not_there_or_no_object_is_told(aws: Place) -> None:
    check = aws.sink.preflight("aws-sm:app/not-there#key")
    assert not check.ok
    assert "Make it first" in check.advice
    aws.raw.create_secret(Name="plain-text", SecretString="just text")
    check = aws.sink.preflight("aws-sm:plain-text#key")
    assert not check.ok
    assert "no JSON object" in check.said
