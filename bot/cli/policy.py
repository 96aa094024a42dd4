"""``whose policy check``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from bot.cli.installation import json_option
from bot.cli.output import emit, say, show


@click.group("policy")
def policy_command() -> None:
    """Check the file that says who is asked about what."""


@policy_command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def check(file: Path, as_json: bool) -> None:
    """Read FILE as a policy and name every mistake, with its line and key.

    Exit code 1 when there is any.

    \b
    Example:
        whose policy check policy.yaml
    """
    from bot.rules.policy import policy_hash
    from bot.rules.policy_file import PolicyError, load_policy
    from bot.wiring.installation import policy_text

    try:
        policy = load_policy(policy_text(file), str(file))
    except PolicyError as error:
        if as_json:
            emit({"file": str(file), **asdict(problem)} for problem in error.problems)
        else:
            show("\n".join(f"{file}, {problem}" for problem in error.problems))
        count = len(error.problems)
        say(f"{file}: {count} {'thing' if count == 1 else 'things'} to mend.")
        sys.exit(1)
    found = {"file": str(file), "policy_id": policy.policy_id, "version": policy.version, "hash": policy_hash(policy)}
    if as_json:
        emit([found])
    else:
        tiers = ", ".join(tier.name for tier in policy.tiers)
        show(f"{file} is a policy: {policy.policy_id} {policy.version}, tiers {tiers}; SHA-256 {found['hash']}.")
