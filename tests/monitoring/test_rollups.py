"""Samples become rollups once each, whenever they come; and what is old goes."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.actions.retention import delete_old
from monitoring.models import FrameSample, HostRollup, HostSample, SessionRollup, SessionSample
from monitoring.samples.recorder import Recorder
from sessions.models import AvatarSession

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def seconds(session: AvatarSession, begin: datetime, count: int, **host: float) -> None:
    for second in range(count):
        at = begin + timedelta(seconds=second, milliseconds=300)
        HostSample.objects.create(host="atlas", at=at, cores=2, **{"user_percent": 30, **host})
        SessionSample.objects.create(session=session, at=at, cpu_percent=20 + second % 2, uss_bytes=100 + second)
        FrameSample.objects.create(
            session=session,
            at=at,
            composed=20,
            cached=5,
            repeated=0,
            frame_max_ms=50 if second == 3 else 8,
            budget_ms=40,
        )


def test_ten_seconds_and_a_minute_are_summed_up_when_they_are_over(session: AvatarSession) -> None:
    seconds(session, NOW, 60, steal_percent=2)
    HostSample.objects.filter(at__lt=NOW + timedelta(seconds=1)).update(steal_percent=12, user_percent=None)
    recorder = Recorder()
    recorder.record(NOW + timedelta(seconds=30))
    assert HostRollup.objects.filter(span_s=10).count() == 2
    recorder.record(NOW + timedelta(seconds=70))
    first = HostRollup.objects.get(span_s=10, at=NOW)
    assert (first.steal_percent, first.steal_max_percent, first.user_percent) == (3.0, 12.0, 30.0)
    assert first.iowait_percent is None
    minute = SessionRollup.objects.get(span_s=60)
    assert (minute.cpu_percent, minute.fps, minute.frame_max_ms, minute.seconds_over_budget) == (20.5, 25, 50, 1)
    assert SessionRollup.objects.filter(span_s=10).count() == 6


def test_samples_that_waited_for_redis_are_summed_up_too(session: AvatarSession) -> None:
    seconds(session, NOW, 10)
    recorder = Recorder()
    recorder.record(NOW + timedelta(seconds=75))
    seconds(session, NOW + timedelta(seconds=20), 10)
    seconds(session, NOW + timedelta(seconds=5), 1, user_percent=63)
    recorder.record(NOW + timedelta(seconds=80))
    assert HostRollup.objects.filter(span_s=10).count() == 2
    assert HostRollup.objects.get(span_s=10, at=NOW).user_percent == 33


def test_a_recorder_that_starts_again_goes_on_where_the_last_one_ended(session: AvatarSession) -> None:
    seconds(session, NOW, 60)
    Recorder().record(NOW + timedelta(seconds=70))
    seconds(session, NOW + timedelta(seconds=60), 60)
    Recorder().record(NOW + timedelta(seconds=130))
    assert HostRollup.objects.filter(span_s=60).count() == 2
    assert HostRollup.objects.filter(span_s=10).count() == 12


def test_what_is_old_goes_and_the_rest_stays(session: AvatarSession) -> None:
    seconds(session, NOW - timedelta(hours=25), 5)
    seconds(session, NOW - timedelta(hours=1), 5)
    for days, span_s in ((8, 10), (6, 10), (8, 60), (401, 60)):
        HostRollup.objects.create(host="atlas", span_s=span_s, at=NOW - timedelta(days=days), cores=2)
    assert delete_old(NOW) == 15 + 2
    assert HostSample.objects.count() == SessionSample.objects.count() == FrameSample.objects.count() == 5
    assert sorted(HostRollup.objects.values_list("span_s", flat=True)) == [10, 60]
    assert delete_old(NOW) == 0
