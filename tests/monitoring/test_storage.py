"""Samples are kept small, and mean what they meant."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Avg, Max, Min

from monitoring.models import FrameSample, HostRollup, HostSample, SessionSample
from sessions.models import AvatarSession

NOW = datetime(2026, 11, 21, 12, 0, 59, 999_700, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.django_db
def test_a_moment_is_kept_to_the_millisecond_and_found_by_ranges() -> None:
    for second in range(5):
        HostSample.objects.create(host="atlas", at=NOW + second * SECOND, cores=2)
    kept = NOW.replace(microsecond=999_000)
    assert HostSample.objects.latest("at").at == kept + 4 * SECOND
    assert HostSample.objects.filter(at__gt=NOW).count() == 4
    assert HostSample.objects.filter(at__gte=NOW, at__lt=NOW + 2 * SECOND).count() == 2
    assert HostSample.objects.filter(at__range=(NOW + SECOND, NOW + 3 * SECOND)).count() == 3
    assert HostSample.objects.get(at=NOW).at == kept
    assert HostSample.objects.aggregate(first=Min("at"), last=Max("at")) == {"first": kept, "last": kept + 4 * SECOND}
    assert list(HostSample.objects.order_by("-at").values_list("at", flat=True)[:1]) == [kept + 4 * SECOND]


@pytest.mark.django_db
def test_a_figure_is_kept_with_two_digits_and_reckoned_with_as_such() -> None:
    for steal, load in ((12.344, 1), (20.0, None), (None, 3)):
        HostSample.objects.create(host="atlas", at=NOW, cores=2, steal_percent=steal, load_1m=load)
    assert list(HostSample.objects.order_by("pk").values_list("steal_percent", "load_1m")) == [
        (12.34, 1), (20, None), (None, 3)
    ]  # fmt: skip
    assert HostSample.objects.filter(steal_percent__gte=12.34).count() == 2
    assert HostSample.objects.aggregate(mean=Avg("steal_percent"), worst=Max("steal_percent")) == {
        "mean": pytest.approx(16.17), "worst": 20
    }  # fmt: skip


@pytest.mark.django_db
def test_a_key_that_begins_another_index_has_none_of_its_own() -> None:
    with connection.cursor() as cursor:
        for model in (SessionSample, FrameSample):
            found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
            indexed = [tuple(each["columns"]) for each in found if each["index"]]
            assert ("session_id",) not in indexed
            assert ("session_id", "at") in indexed


@pytest.mark.django_db(transaction=True)
def test_rows_of_before_are_converted(session: AvatarSession) -> None:
    migration = import_module("monitoring.migrations.0011_samples_in_whole_numbers")
    loader = MigrationLoader(connection)
    before = loader.project_state(("monitoring", "0010_hitch_by_cpu_in_use")).apps
    after = loader.project_state(("monitoring", "0011_samples_in_whole_numbers")).apps
    with connection.schema_editor() as editor:
        for name in migration.HUNDREDTHS:
            editor.delete_model(after.get_model("monitoring", name))
            editor.create_model(before.get_model("monitoring", name))
    old = {name: before.get_model("monitoring", name).objects for name in migration.HUNDREDTHS}
    for at in (NOW, NOW.replace(microsecond=0)):
        old["hostsample"].create(host="atlas", at=at, cores=2, steal_percent=12.346)
        old["framesample"].create(
            session_id=session.pk, at=at, composed=18, cached=7, repeated=0, frame_p95_ms=11.25, budget_ms=40
        )
    old["hostrollup"].create(
        host="atlas", span_s=60, at=NOW.replace(second=0, microsecond=0), cores=2, user_percent=30.5
    )

    with connection.schema_editor() as editor:
        migration.in_whole_numbers(after, editor)

    assert list(HostSample.objects.order_by("pk").values_list("at", "steal_percent", "user_percent")) == [
        (NOW.replace(microsecond=999_000), 12.35, None), (NOW.replace(microsecond=0), 12.35, None)
    ]  # fmt: skip
    frame = FrameSample.objects.filter(session=session).latest("at")
    assert (frame.at, frame.frame_p50_ms, frame.frame_p95_ms, frame.budget_ms) == (
        NOW.replace(microsecond=999_000), None, 11.25, 40
    )  # fmt: skip
    assert HostRollup.objects.get(at=NOW.replace(second=0, microsecond=0)).user_percent == 30.5
