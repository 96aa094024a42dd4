"""The command line in a hurry: leases, graces and gaps of seconds instead of minutes, so that a test can wait for them.

Every part keeps its place: a send has to end well within a row's lease, a lane's lease is of the same size.
"""

from __future__ import annotations

from datetime import timedelta

from bot import processes
from bot.cli import main
from bot.operations import deliver, delivery, lane_lease, pace, read_back
from bot.operations.carrying_out import journal, stages
from bot.rules import remediation

#: Messages a minute, as always; updates go as fast.
PER_MINUTE = pace.PER_MINUTE["post"]
LANE_LEASE = timedelta(seconds=3)

if __name__ == "__main__":
    for name, seconds in (("LEASE", 5), ("SEND_TIMEOUT", 2), ("GRACE", 1), ("RECHECK_AFTER", 3)):
        for module in (delivery, deliver, read_back):
            if hasattr(module, name):
                setattr(module, name, timedelta(seconds=seconds))
    lane_lease.LANE_LEASE = LANE_LEASE
    processes.CARRYING_OUT = 1
    for module, name, value in (
        (journal, "LEASE", timedelta(seconds=5)),
        (remediation, "FIRST_WAIT", timedelta(seconds=0.1)),
        (stages, "grace", lambda _case: timedelta(seconds=2)),
    ):
        setattr(module, name, value)
    pace.PER_MINUTE["update"] = PER_MINUTE
    main()
