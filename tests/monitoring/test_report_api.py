"""REST of reports: what the pages tell, for scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from monitoring.actions import trials
from operators.models import Role
from sessions.models import AvatarProfile, DeploymentMode
from tests.monitoring.conftest import Ended

pytestmark = pytest.mark.django_db

ApiAs = Callable[[Role], Client]


def test_reports_are_listed_by_the_page_s_filter(api_as: ApiAs, ended: Ended) -> None:
    well, failed = ended(), ended(is_failure=True)
    viewer = api_as(Role.VIEWER)
    assert len(viewer.get("/api/v1/reports").json()) == 2
    (found,) = viewer.get("/api/v1/reports?outcome=well&mode=balanced").json()
    assert (found["session"], found["figures"]["answer_ms"]) == (str(well.session.code), 700)
    report = viewer.get(f"/api/v1/sessions/{failed.session.code}/report").json()
    assert report["mode"] == "balanced"


def test_a_comparison_tells_its_sentence_and_its_intervals(api_as: ApiAs, ended: Ended) -> None:
    quick = DeploymentMode.objects.get(slug="stable")
    for number in range(6):
        ended(ready_ms=1_000 + number)
        ended(mode=quick, ready_ms=800 + number)
    found = api_as(Role.VIEWER).get("/api/v1/compare?kind=modes&a=balanced&b=stable").json()
    ready = next(each for each in found["measures"] if each["measure"] == "Start to READY")
    assert (found["sessions"], ready["change"], ready["is_real"]) == ([6, 6], -200, True)
    assert "Start to READY" in found["headline"]
    assert api_as(Role.VIEWER).get("/api/v1/compare?kind=sessions").json()["measures"] == []


def test_capacity_is_told_for_each_mode(api_as: ApiAs, demo: None) -> None:
    found = api_as(Role.VIEWER).get("/api/v1/hosts/atlas/capacity").json()
    assert {(each["mode"], each["is_measured"]) for each in found} >= {("balanced", False), ("exhibition", False)}


def test_a_trial_is_begun_looked_at_and_ended(
    api_as: ApiAs, guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "enqueue", lambda *_, **__: None)
    body: dict[str, Any] = {"profile": str(guide.code), "first": "balanced", "second": "stable", "rounds": 1}
    operator = api_as(Role.OPERATOR)
    assert api_as(Role.VIEWER).post("/api/v1/trials", body, "application/json").status_code == 403
    begun = operator.post("/api/v1/trials", body, "application/json")
    assert (begun.status_code, len(begun.json()["runs"])) == (201, 2)
    assert operator.post("/api/v1/trials", body, "application/json").json()["code"] == "trial_under_way"
    address = f"/api/v1/trials/{begun.json()['code']}"
    assert operator.get(address).json()["state"] == "running"
    assert operator.post(f"{address}/stop").json()["state"] == "ended"
    assert operator.post("/api/v1/trials", {**body, "second": "balanced"}, "application/json").status_code == 409
