"""``whose demo`` from a chosen moment on: ``python -m tests.servers.demo_on MOMENT ISSUERS POLICY FILES…``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from bot.cli.output import say
from bot.demo import Script, run_demo
from bot.settings import Settings

if __name__ == "__main__":
    start, issuers, policy, *files = sys.argv[1:]
    moment = datetime.fromisoformat(start)
    run_demo(
        Script([Path(one) for one in files], Path(policy), moment, "Example Company", Path(issuers)),
        Settings(),
        folder=Path(".demo"),
        port=0,
        keep=True,
        open_browser=False,
        announce=say,
        progress=lambda: nullcontext(lambda *_: None),
    )
