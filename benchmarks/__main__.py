"""Every benchmark, each in a process of its own, and their figures together at the end.

``python -m benchmarks [NAME…] [--quick]``. Exit code 1: an aim was missed, or a benchmark failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

#: Name, and what makes it quick.
BENCHMARKS = {
    "import_tokens": ["--rows", "50000"],
    "sweep": ["--sizes", "10000,100000", "--repeat", "3"],
    "opening": ["--requests", "10000", "--owners", "1000", "--repeat", "3"],
    "click": ["--clicks", "100"],
    "lookup": ["--tokens", "100000", "--times", "50"],
    "ledger": ["--records", "50000", "--single", "200"],
    "bundle": ["--records", "20000"],
    "discovery": ["--users", "50", "--repeat", "2"],
    "year": ["--quick"],
    "claiming": ["--messages", "1000", "--repeat", "1"],
    "dispatching": ["--seconds", "20"],
    "click_under_sweep": ["--requests", "5000", "--owners", "1000"],
    "offboarding": ["--quick"],
}


def run(name: str, arguments: list[str]) -> tuple[int, list[str]]:
    """Run one and let its lines through; its exit code, and those of its lines that are measurements."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    return process.returncode, [line for line in lines if "ratio" in line or "p99" in line]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that they work, not how fast it is")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    table: dict[str, list[str]] = {}
    failed = []
    for name in options.names or BENCHMARKS:
        print(f"--- {name}", flush=True)
        code, table[name] = run(name, BENCHMARKS[name] if options.quick else [])
        if code:
            failed.append(name)
    print("\n=== together")
    for lines in table.values():
        print(*lines, sep="\n")
    if failed:
        print(f"An aim was missed, or it failed: {', '.join(failed)}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
