"""What the benchmarks share: timing, peak memory, and one line a measurement with its ratio to the floor.

A floor is the barest program that does the indispensable part of the same work, measured in the same run on the
same machine; the ratio is what can be compared between machines.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Measured:
    """How long a block took, and the process's highest resident memory until its end."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def measured() -> Iterator[Measured]:
    """Measure a block by the wall clock."""
    result = Measured()
    start = time.perf_counter()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - start
        result.peak_mb = peak_mb()


def peak_mb() -> float:
    """The highest resident memory of this process so far, in megabytes (Linux counts in kB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


def show(name: str, ours: Measured, floor: Measured, *, aim: float | None = None) -> float:
    """Print ``name  ours  floor  ratio  peak``; returns the ratio (ours / floor)."""
    ratio = ours.seconds / floor.seconds if floor.seconds else float("inf")
    target = "" if aim is None else f"  aim ≤ {aim:g}×: {'held' if ratio <= aim else 'MISSED'}"
    print(
        f"{name:<46} ours {ours.seconds:8.2f} s  floor {floor.seconds:8.2f} s  ratio {ratio:5.2f}×"
        f"  peak {ours.peak_mb:6.0f} MB{target}",
        flush=True,
    )
    return ratio
