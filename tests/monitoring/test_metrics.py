"""What Prometheus gets, and who may ask."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from monitoring.actions.retention import delete_old
from monitoring.models import Hitch, HostSample, MediaSample, VisitSample
from operators.models import Role
from sessions.actions.links import create_link
from sessions.actions.removal import remove_session
from sessions.models import AgentWorker, AvatarSession, EndReason, State, Visit

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana-dashboard.json"


def exported(client: Client) -> dict[str, list[tuple[dict[str, str], float]]]:
    text = client.get("/metrics").content.decode()
    families = text_string_to_metric_families(text)
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in families:
        assert family.documentation
        found.setdefault(family.name, [])
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def measured(session: AvatarSession) -> None:
    now = timezone.now()
    AgentWorker.objects.create(host="atlas", host_seen_at=now)
    HostSample.objects.create(
        host="atlas", at=now, cores=2, user_percent=30, steal_percent=9, disk_free_bytes=5, disk_total_bytes=9,
        load_1m=1.5, swap_used_bytes=4096, received_bytes_per_s=2000,
    )  # fmt: skip
    Hitch.objects.create(session=session, at=now, until=now, kind="frames", cause="steal", took_ms=82, usual_ms=40)


def test_nobody_reads_the_metrics_without_a_token(client: Client, db: None) -> None:
    assert client.get("/metrics").status_code == 401
    assert Client(headers={"authorization": "Bearer wrong"}).get("/metrics").status_code == 401


def test_a_viewers_token_gets_sessions_hosts_and_hitches_in_prometheus_units(
    api_as: Callable[[Role], Client], session: AvatarSession
) -> None:
    measured(session)
    found = exported(api_as(Role.VIEWER))
    assert ({"state": "requested", "mode": "balanced", "host": "atlas"}, 1.0) in found["avatary_sessions"]
    assert ({"host": "atlas", "kind": "steal"}, 0.09) in found["avatary_host_cpu_ratio"]
    assert found["avatary_hitches_total"] == [({"kind": "frames", "cause": "steal"}, 1.0)]
    assert found["avatary_sessions_started_total"] == [({}, 1.0)]
    kinds = {labels["kind"] for labels, _ in found["avatary_host_cpu_ratio"]}
    assert kinds == {"user", "steal"}  # what was not read is absent, never zero


def test_what_was_counted_stays_counted_when_its_session_is_deleted(
    api_as: Callable[[Role], Client], start: Callable[..., AvatarSession]
) -> None:
    first, second = start(), start()
    for session in (first, second):
        Hitch.objects.create(
            session=session, at=first.requested_at, until=first.requested_at, kind="turn", cause="network", took_ms=9,
            usual_ms=4,
        )  # fmt: skip
        AvatarSession.objects.filter(pk=session.pk).update(state=State.ENDED, end_reason=EndReason.IDLE)
    before = exported(api_as(Role.VIEWER))
    assert before["avatary_hitches_total"] == [({"kind": "turn", "cause": "network"}, 2.0)]
    for session in (first, second):
        remove_session(session)
    after = exported(api_as(Role.VIEWER))
    for name in ("hitches", "sessions_started", "sessions_ended", "turns"):
        assert after[f"avatary_{name}_total"] == before[f"avatary_{name}_total"], name


def test_freezes_of_a_session_of_days_stay_counted_when_its_old_samples_go(
    api_as: Callable[[Role], Client], session: AvatarSession
) -> None:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY)
    for hours, freezes in ((30, 3), (28, None), (1, 2)):
        VisitSample.objects.create(
            session=session, identity="visitor-1", at=timezone.now() - timedelta(hours=hours), freezes=freezes,
            freeze_ms=None if freezes is None else 300.5 * freezes,
        )  # fmt: skip
    before = exported(api_as(Role.VIEWER))
    assert [value for _, value in before["avatary_visitor_freezes_total"]] == [5]
    assert delete_old() == 2
    after = exported(api_as(Role.VIEWER))
    assert after["avatary_visitor_freezes_total"] == before["avatary_visitor_freezes_total"]
    (seconds,) = (value for _, value in after["avatary_visitor_freeze_seconds_total"])
    assert seconds == pytest.approx(1.5025, abs=0.001)
    assert after["avatary_turns_total"] == before["avatary_turns_total"]
    AvatarSession.objects.filter(pk=session.pk).update(state=State.ENDED)
    remove_session(session)
    assert "avatary_visitor_freezes_total" not in exported(api_as(Role.VIEWER))


def test_load_swap_and_traffic_of_a_host_are_exported(api_as: Callable[[Role], Client], session: AvatarSession) -> None:
    measured(session)
    found = exported(api_as(Role.VIEWER))
    assert found["avatary_host_load1"] == [({"host": "atlas"}, 1.5)]
    assert found["avatary_host_swap_used_bytes"] == [({"host": "atlas"}, 4096)]
    received = ({"host": "atlas", "direction": "received"}, 2000)
    assert found["avatary_host_network_bytes_per_second"] == [received]  # what was sent was not read


def test_what_a_session_sends_is_exported_in_base_units_and_what_is_old_is_not(
    api_as: Callable[[Role], Client], session: AvatarSession
) -> None:
    now = timezone.now()
    MediaSample.objects.create(session=session, at=now - timedelta(minutes=1), sent_kbps=100, jitter_ms=3)
    MediaSample.objects.create(session=session, at=now, sent_kbps=800, encoded_fps=24, encode_ms=4, lost_percent=2)
    found = exported(api_as(Role.VIEWER))
    for name, value in (
        ("sent_bytes_per_second", 100_000),
        ("encoded_frames_per_second", 24),
        ("encode_seconds", 0.004),
        ("sent_lost_ratio", 0.02),
    ):
        ((labels, figure),) = found[f"avatary_session_{name}"]
        assert labels["session"] == str(session.code)
        assert figure == pytest.approx(value)
    assert found["avatary_session_sent_jitter_seconds"] == []


def test_of_several_visitors_the_worst_is_exported_and_their_freezes_add_up(
    api_as: Callable[[Role], Client], session: AvatarSession
) -> None:
    now = timezone.now()
    for name, ago_s, fps, freezes, jitter_ms in (("dana", 5, 24, 0, 3), ("emil", 2, 12, 2, 9), ("emil", 90, 5, 1, 90)):
        VisitSample.objects.create(
            session=session, identity=f"visitor-{name}", at=now - timedelta(seconds=ago_s), fps=fps, freezes=freezes,
            freeze_ms=freezes * 200, jitter_ms=jitter_ms,
        )  # fmt: skip
    found = exported(api_as(Role.VIEWER))
    for name, value in (
        ("frames_per_second", 12),
        ("jitter_seconds", 0.009),
        ("freezes_total", 3),
        ("freeze_seconds_total", 0.6),
    ):
        ((labels, figure),) = found[f"avatary_visitor_{name}"]
        assert set(labels) == {"session", "profile", "mode", "host"}
        assert figure == pytest.approx(value)
    assert found["avatary_visitor_lost_ratio"] == []


def test_how_soon_visitors_saw_the_avatar_is_exported(api_as: Callable[[Role], Client], session: AvatarSession) -> None:
    link = create_link(session, by="Amina")
    Visit.objects.create(
        session=session, link=link, identity="visitor-dana", joined_at=timezone.now(), first_frame_ms=620
    )
    found = exported(api_as(Role.VIEWER))["avatary_first_frame_seconds"]
    assert found == [({"quantile": "0.5"}, 0.62), ({"quantile": "0.95"}, 0.62)]


def test_the_dashboard_asks_only_for_what_is_exported(api_as: Callable[[Role], Client], session: AvatarSession) -> None:
    measured(session)
    names = set(exported(api_as(Role.VIEWER)))
    asked = set(re.findall(r"avatary_[a-z0-9_]+", json.dumps(json.loads(DASHBOARD.read_text())["panels"])))
    counters = {f"{name}_total" for name in names}
    assert asked <= names | counters
