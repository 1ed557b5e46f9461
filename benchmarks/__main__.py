"""`make bench`: what the product does on this machine, measured from outside. Prints a table and writes JSON.

Usage: python -m benchmarks [--repetitions N] [--only NAME ...] [--output FILE]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    compose,
    host,
    jobs,
    lipsync,
    live,
    modes,
    monitoring,
    peer,
    providers,
    reports,
    starts,
    talk,
    visits,
    words,
)
from tests.stack import ROOT, Stack


@dataclass(frozen=True)
class Figure:
    """Repetitions of one measurement, beside what is to be reached. `judged` names the statistic that the target is of."""

    name: str
    unit: str
    values: list[float]
    target: float | None
    judged: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "reached" if getattr(self, self.judged) <= self.target else "missed"


Measurement = Callable[[Stack, int], list[tuple[str, str, list[float], float | None, str]]]
MEASUREMENTS: dict[str, Measurement] = {
    "starts": starts.warm,
    "cold": starts.cold,
    "losses": starts.losses,
    "host": host.idle_and_session,
    "visits": visits.clicks,
    "live": live.sample_to_painted,
    "open": live.pages_open,
    "crowd": monitoring.crowd,
    "events": monitoring.events,
    "compose": compose.frames,
    "peer": peer.frames,
    "full-hd": jobs.full_hd,
    "four": jobs.four,
    "modes": modes.side_by_side,
    "providers": providers.changes,
    "talk": talk.conversation,
    "words": words.errors,
}
LONG_MEASUREMENTS: dict[str, Measurement] = {  # only where named
    "drift": lipsync.ten_minutes,
    "reports": reports.pages,
    "storage": reports.a_day,
}


def environment() -> dict[str, object]:
    """The machine that measured, and the state of the code."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory_kib = int(Path("/proc/meminfo").read_text().split(maxsplit=2)[1])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kib / 1024**2, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": commit.strip(),
    }


def show(figure: Figure) -> str:
    target = "" if figure.target is None else f"{figure.judged} ≤ {figure.target:g}: {figure.verdict}"
    return (
        f"{figure.name:<44}{figure.median:>10.1f}{figure.p95:>10.1f} {figure.unit:<8}n={len(figure.values):<4} {target}"
    )


def write(file: Path, figures: list[Figure]) -> None:
    """All figures so far, as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(figure), "median": figure.median, "p95": figure.p95} for figure in figures]
    file.write_text(json.dumps({"environment": environment(), "figures": rows}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--only", nargs="*", choices=[*MEASUREMENTS, *LONG_MEASUREMENTS], default=list(MEASUREMENTS))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "latest.json")
    options = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in environment().items()), flush=True)
    print(f"{'':<44}{'median':>10}{'p95':>10}", flush=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="avatary-bench-") as folder:
        stack = Stack(Path(folder))
        stack.start()
        try:
            stack.wait_until_all_is_read()
            for name in options.only:
                for row in {**MEASUREMENTS, **LONG_MEASUREMENTS}[name](stack, options.repetitions):
                    figures.append(Figure(*row))
                    print(show(figures[-1]), flush=True)
                write(options.output, figures)
        finally:
            stack.stop()
    print(f"Written to {options.output}")


if __name__ == "__main__":
    main()
