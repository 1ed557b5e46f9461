"""`python -m tests.day_of_samples [--sessions N] [--hours N]`: write a day of samples into the database at hand, as the ingester
and the recorder would, second by second, and tell what it takes on disk. Prints one JSON line: {"made_s": s, "rows": n,
"megabytes": {"samples": mb, "rollups": mb, "all": mb}}, indexes among them.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import django

if TYPE_CHECKING:
    from django.db.models import Model

    from sessions.models import AvatarSession

MIB: Final = 2**20
HOST: Final = "atlas"
MINUTE_S: Final = 60
SQLITE_TABLE_BYTES: Final = (
    "SELECT SUM(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = %s)"
)
SQLITE_BYTES: Final = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
POSTGRES_TABLE_BYTES: Final = "SELECT pg_total_relation_size(%s::regclass)"
POSTGRES_BYTES: Final = "SELECT pg_database_size(current_database())"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--hours", type=float, default=24)
    options = parser.parse_args()

    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("load_demo")
    began = time.monotonic()
    rows = fill(options.sessions, options.hours)
    print(json.dumps({"made_s": round(time.monotonic() - began, 1), "rows": rows, "megabytes": megabytes()}))


def fill(sessions: int, hours: float) -> int:
    """Write the samples, a minute a transaction, and have them summed up; how many rows of samples."""
    from django.db import transaction
    from django.utils import timezone

    from monitoring.samples.recorder import Recorder
    from sessions.models import AvatarSession, ModeVersion, ProfileVersion

    profile, mode = ProfileVersion.objects.all()[0], ModeVersion.objects.all()[0]
    end = timezone.now()
    begin = end - timedelta(hours=hours)
    live = [
        AvatarSession.objects.create(
            profile_version=profile, mode_version=mode, language="en", host=HOST, requested_at=begin,
            state_changed_at=begin, attempt_at=begin, max_duration_s=90_000, idle_timeout_s=90_000, requested_by="Amina",
        )
        for _ in range(sessions)
    ]  # fmt: skip
    drawn, recorder, rows = random.Random(6), Recorder(), 0
    for minute in range(int(hours * 60)):
        at = begin + timedelta(minutes=minute)
        by_model: dict[type[Model], list[Model]] = {}
        for second in range(MINUTE_S):
            for row in _second(drawn, at + timedelta(seconds=second), live, second):
                by_model.setdefault(type(row), []).append(row)
        with transaction.atomic():
            for model, found in by_model.items():
                model._default_manager.bulk_create(found)
                rows += len(found)
        recorder.record(at + timedelta(seconds=MINUTE_S + 5))
    return rows


def _second(drawn: random.Random, at: datetime, live: list["AvatarSession"], second: int) -> Iterator["Model"]:
    """What a host of these sessions tells in a second: figures with all their digits, as samplers and jobs send them."""
    from monitoring.models import FrameSample, HostSample, MediaSample, SessionSample, VisitSample

    at += timedelta(microseconds=drawn.randrange(1_000_000))
    yield HostSample(
        host=HOST, at=at, cores=8, user_percent=drawn.uniform(10, 60), system_percent=drawn.uniform(2, 9),
        iowait_percent=drawn.uniform(0, 1), steal_percent=drawn.uniform(0, 1), load_1m=drawn.uniform(1, 6),
        per_core_steal_percent=[round(drawn.uniform(1, 9), 1) for _ in range(8)] if drawn.random() < 0.1 else None,
        memory_total_bytes=16_384 * MIB, memory_used_bytes=4096 * drawn.randrange(10**6, 2 * 10**6), swap_used_bytes=0,
        agent_pss_bytes=4096 * drawn.randrange(10**5, 2 * 10**5), cpu_pressure_percent=drawn.uniform(0, 20),
        memory_pressure_percent=drawn.uniform(0, 1), io_pressure_percent=drawn.uniform(0, 1),
        received_bytes_per_s=drawn.uniform(10**4, 10**5), sent_bytes_per_s=drawn.uniform(10**5, 10**6),
        disk_total_bytes=64 * 1024 * MIB, disk_free_bytes=4096 * drawn.randrange(10**6, 10**7),
    )  # fmt: skip
    for session in live:
        own = {"session": session, "at": at}
        yield SessionSample(
            **own, cpu_percent=drawn.uniform(10, 90), rss_bytes=4096 * drawn.randrange(70_000, 80_000),
            pss_bytes=4096 * drawn.randrange(40_000, 50_000), uss_bytes=4096 * drawn.randrange(28_000, 33_000),
            threads=27, fds=48, major_faults_per_s=0,
        )  # fmt: skip
        frame_ms = drawn.uniform(4, 9)
        yield FrameSample(
            session=session, at=at + timedelta(microseconds=drawn.randrange(900_000)), composed=18, cached=7, repeated=0,
            frame_p50_ms=frame_ms, frame_p95_ms=frame_ms * 1.7, frame_max_ms=frame_ms * 2.3, budget_ms=40,
        )  # fmt: skip
        if second % 10 == 0:
            yield MediaSample(
                **own, encoded_fps=drawn.uniform(24, 25), encode_ms=drawn.uniform(3, 6), sent_kbps=drawn.uniform(500, 900),
                lost_percent=0, round_trip_ms=drawn.uniform(5, 30), jitter_ms=drawn.uniform(1, 9), limited_by="",
                queued_sound_ms=drawn.uniform(0, 90), queued_frames=1,
            )  # fmt: skip
            yield VisitSample(
                **own, identity="visitor-5555c6fb-3c07-41a8-9543-aa566bc98b72", fps=drawn.uniform(24, 25), freezes=0,
                freeze_ms=0, jitter_ms=drawn.uniform(1, 9), round_trip_ms=drawn.uniform(5, 30), lost_percent=0,
                av_offset_ms=drawn.uniform(-20, 40),
            )  # fmt: skip


def megabytes() -> dict[str, float]:
    """What tables take on disk with their indexes; "all" is the whole database."""
    from django.db import connection

    from monitoring.actions.retention import ROLLUPS, SAMPLES

    sqlite = connection.vendor == "sqlite"
    of_table, of_all = (SQLITE_TABLE_BYTES, SQLITE_BYTES) if sqlite else (POSTGRES_TABLE_BYTES, POSTGRES_BYTES)
    with connection.cursor() as cursor:

        def told(question: str, *arguments: str) -> float:
            cursor.execute(question, arguments)
            return round(float(cursor.fetchone()[0]) / 1e6, 1)

        return {
            "samples": round(sum(told(of_table, model._meta.db_table) for model in SAMPLES), 1),
            "rollups": round(sum(told(of_table, model._meta.db_table) for model in ROLLUPS), 1),
            "all": told(of_all),
        }


if __name__ == "__main__":
    main()
