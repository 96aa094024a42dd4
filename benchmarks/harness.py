"""What the benchmarks share: timing, peak memory, and one line a measurement with its ratio to the floor.

A floor is the barest program that does the indispensable part of the same work, measured in the same run on the
same machine; the ratio is what can be compared between machines.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Measured:
    """How long a block took, how much of it on the processor, and the highest resident memory until its end."""

    seconds: float = 0.0
    peak_mb: float = 0.0
    processor: float = 0.0

    def __iadd__(self, part: Measured) -> Measured:
        """Add a part of the same work, measured by itself."""
        self.seconds += part.seconds
        self.processor += part.processor
        self.peak_mb = max(self.peak_mb, part.peak_mb)
        return self


@contextmanager
def measured() -> Iterator[Measured]:
    """Measure a block by the wall clock, and this process's time on the processor."""
    result = Measured()
    start, on_processor = time.perf_counter(), time.process_time()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - start
        result.processor = time.process_time() - on_processor
        result.peak_mb = peak_mb()


def peak_mb() -> float:
    """The highest resident memory of this process so far, in megabytes (Linux counts in kB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


def show_passes(
    name: str, ours: Sequence[Measured], floors: Sequence[Measured], *, peak: float, aim: float | None = None
) -> bool:
    """Print passes that alternated: the median floor, and the median of the ratios of neighbours; whether the aim held.

    On a machine that others use too, the ratio of time on the processor says more than the wall clock. It says
    nothing of the work that a database server does.
    """
    pairs = list(zip(ours, floors, strict=True))
    ratio = statistics.median(mine.seconds / bare.seconds for mine, bare in pairs)
    on_processor = statistics.median(mine.processor / bare.processor for mine, bare in pairs)
    floor = Measured(statistics.median(bare.seconds for bare in floors))
    note = f"  (processor {on_processor:.2f}×)"
    return show(name, Measured(floor.seconds * ratio, peak), floor, aim=aim, note=note) <= (aim or float("inf"))


def on_processor(ours: Measured, floor: Measured) -> str:
    """The ratio of time on the processor, for a line of :func:`show`; nothing where the floor left it to a server."""
    ratio = ours.processor / floor.processor if floor.processor else 0.0
    return f"  (processor {ratio:.2f}×)" if ratio else ""


def show(name: str, ours: Measured, floor: Measured, *, aim: float | None = None, note: str = "") -> float:
    """Print ``name  ours  floor  ratio  peak``; returns the ratio (ours / floor)."""
    ratio = ours.seconds / floor.seconds if floor.seconds else float("inf")
    target = "" if aim is None else f"  aim ≤ {aim:g}×: {'held' if ratio <= aim else 'MISSED'}"
    print(
        f"{name:<46} ours {ours.seconds:8.2f} s  floor {floor.seconds:8.2f} s  ratio {ratio:5.2f}×"
        f"  peak {ours.peak_mb:6.0f} MB{target}{note}",
        flush=True,
    )
    return ratio
