"""Alerts on pages: the bell and the banner, the list, and who has seen what."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from monitoring.actions.alerts import clear_alert, raise_alert
from monitoring.models import Alert, Hitch, Severity, Turn
from operators.models import Operator
from sessions.models import AvatarSession
from tests.pages.conftest import Browse
from tests.pages.test_every_page import inspect


def steal(severity: Severity = Severity.CRITICAL, rule: str = "steal", session: AvatarSession | None = None) -> Alert:
    subject = f"session:{session.code}" if session else "host:atlas"
    pk = session.pk if session else None
    at = timezone.now() - timedelta(minutes=3)
    return raise_alert(rule, severity, subject, 91.3, at, host="atlas", session=pk, detail="Starting Avatar Session")


def test_an_open_alert_stands_on_every_page_until_somebody_acknowledges_it(
    browse: Browse, amina: Operator, full: dict[str, AvatarSession]
) -> None:
    alert, client = steal(), browse(amina)
    said = "atlas loses 91.3\xa0% of its CPU to the machine it runs on."
    for address in ("/", "/hosts/atlas/", "/profiles/", f"/sessions/{full['ready'].code}/"):
        assert inspect(client, address)
        assert said in client.get(address).content.decode()
    answer = client.post(f"/alerts/{alert.code}/acknowledge", {"note": "The provider knows"})
    assert answer.status_code == 302
    assert said not in client.get("/").content.decode()
    assert inspect(client, "/alerts/") == "1 alert is open."
    assert "The provider knows" in client.get("/alerts/").content.decode()
    bell = client.get("/alerts/bell").content.decode()
    assert "1 open alert" in bell


def test_a_viewer_sees_alerts_and_may_not_acknowledge_them(browse: Browse, basil: Operator) -> None:
    alert, client = steal(), browse(basil)
    assert "Acknowledge" not in client.get("/alerts/").content.decode()
    assert client.post(f"/alerts/{alert.code}/acknowledge").status_code == 403
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_an_alert_that_is_over_stays_in_the_list(browse: Browse, basil: Operator) -> None:
    clear_alert(steal(Severity.WARNING), timezone.now())
    assert inspect(browse(basil), "/alerts/") == "Nothing is wrong now."
    assert "3:00" in browse(basil).get("/alerts/").content.decode()


def row(client: Any, session: AvatarSession) -> str:
    answer: str = client.get(f"/sessions/{session.code}/row/").content.decode()
    return answer


def test_a_row_says_the_worst_thing_about_its_session_now(
    browse: Browse, basil: Operator, full: dict[str, AvatarSession]
) -> None:
    ready, client, now = full["ready"], browse(basil), timezone.now()
    assert "Nothing wrong" in row(client, ready)
    Turn.objects.create(session=ready, at=now, typed=False, language="en", words=3, end_of_turn_ms=300,
        first_sound_ms=1100, interrupted=False)  # fmt: skip
    assert "Slowest answer 1.10\xa0s" in row(client, ready)
    Hitch.objects.create(session=ready, at=now, until=now, kind="frames", cause="steal", took_ms=82, usual_ms=40)
    assert "Hitch of 82\xa0ms" in row(client, ready)
    steal()
    assert "CPU steal: 91.3\xa0%" in row(client, ready)
    steal(rule="no_frame", session=ready)
    said = row(client, ready)
    assert "No picture: 91\xa0s" in said
    assert "CPU steal 91.3\xa0% on atlas" in said


def test_a_start_says_how_long_the_step_it_waits_for_usually_takes(
    browse: Browse, basil: Operator, full: dict[str, AvatarSession]
) -> None:
    starting = full["starting"]
    full["ready"].steps.filter(key="starting_avatar_session").update(status="completed", duration_ms=400)
    starting.steps.create(
        attempt=1, number=1, key="starting_avatar_session", label="Starting Avatar Session", started_at=timezone.now()
    )
    assert "usually 400" in row(browse(basil), starting)
    page = browse(basil).get(f"/sessions/{starting.code}/").content.decode()
    assert "usually 400" in page


def test_charts_know_their_windows_and_mark_alerts_turns_and_steps(
    browse: Browse, basil: Operator, full: dict[str, AvatarSession]
) -> None:
    ready, client = full["ready"], browse(basil)
    steal()
    answer = client.get(f"/sessions/{ready.code}/samples.json?seconds=3600").json()
    assert answer["step_s"] == 10
    marked = {(mark["label"], mark["tone"], mark["minor"]) for mark in answer["marks"]}
    assert ("Connection Initialization", "ours", True) in marked
    assert ("Late frames", "steal", False) in marked
    assert client.get("/hosts/atlas/samples.json?seconds=86400").json()["marks"][0]["label"] == "CPU steal"
    assert client.get("/hosts/atlas/samples.json?seconds=7").status_code == 404
