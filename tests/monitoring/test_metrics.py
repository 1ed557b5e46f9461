"""What Prometheus gets, and who may ask."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from monitoring.models import Hitch, HostSample
from operators.models import Role
from sessions.models import AgentWorker, AvatarSession

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
        host="atlas", at=now, cores=2, user_percent=30, steal_percent=9, disk_free_bytes=5, disk_total_bytes=9
    )
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


def test_the_dashboard_asks_only_for_what_is_exported(api_as: Callable[[Role], Client], session: AvatarSession) -> None:
    measured(session)
    names = set(exported(api_as(Role.VIEWER)))
    asked = set(re.findall(r"avatary_[a-z_]+", json.dumps(json.loads(DASHBOARD.read_text())["panels"])))
    counters = {f"{name}_total" for name in names}
    assert asked <= names | counters
