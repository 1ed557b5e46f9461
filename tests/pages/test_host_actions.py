"""What an operator does to a host: drain it, switch all of its sessions."""

import pytest
from pytest_django.fixtures import Settings

from operators.models import Operator
from sessions.actions.placement import choose_host
from sessions.actions.workers import set_drained
from sessions.errors import HostDrained
from sessions.models import AgentWorker, AvatarSession, DeploymentMode, ModeSwitch, SwitchOutcome
from tests.pages.conftest import Browse

pytestmark = pytest.mark.django_db
Full = dict[str, AvatarSession]


def test_a_drained_host_takes_no_new_session_and_says_so(
    browse: Browse, amina: Operator, full: Full, settings: Settings
) -> None:
    browser = browse(amina)
    assert "Drain atlas" in browser.get("/hosts/atlas/").content.decode()
    page = browser.post("/hosts/atlas/drain", {"on": "1"}, follow=True).content.decode()
    assert "No new session is placed here since Amina drained it" in page
    assert "4 sessions that run here go on" in page
    with pytest.raises(HostDrained, match="atlas takes no new sessions, since Amina drained it"):
        choose_host()
    drawer = browser.get("/sessions/start").content.decode()
    assert "takes no new sessions" in drawer
    full["ready"].refresh_from_db()
    assert full["ready"].is_on_air

    page = browser.post("/hosts/atlas/drain", {"on": "0"}, follow=True).content.decode()
    assert "Drain atlas" in page
    settings.MAX_SESSIONS_PER_HOST = 5
    assert choose_host() == "atlas"


def test_another_host_takes_what_a_drained_one_does_not(full: Full) -> None:
    worker = AgentWorker.objects.get(host="atlas")
    AgentWorker.objects.create(
        host="borealis", state="running", pid=7, host_seen_at=worker.host_seen_at, last_seen_at=worker.last_seen_at
    )
    assert set_drained("atlas", True, by="Amina")
    assert not set_drained("atlas", True, by="Salim")
    assert choose_host() == "borealis"
    with pytest.raises(HostDrained):
        choose_host("atlas")


def test_who_only_looks_neither_drains_nor_switches(browse: Browse, basil: Operator, full: Full) -> None:
    browser = browse(basil)
    page = browser.get("/hosts/atlas/").content.decode()
    assert "Drain atlas" not in page
    assert "Switch all" not in page
    assert browser.post("/hosts/atlas/drain", {"on": "1"}).status_code == 403
    assert browser.get("/hosts/atlas/switch").status_code == 403
    assert browser.post("/hosts/atlas/switch", {"mode": "constrained"}).status_code == 403
    assert AgentWorker.objects.get(host="atlas").drained_at is None


def test_all_sessions_of_a_host_are_switched_after_saying_what_changes(
    browse: Browse, amina: Operator, full: Full
) -> None:
    browser = browse(amina)
    assert "Switch all 2 sessions" in browser.get("/hosts/atlas/").content.decode()
    drawer = browser.get("/hosts/atlas/switch", headers={"HX-Request": "true"}).content.decode()
    assert "Switch all 2 sessions of atlas to constrained" in drawer
    assert "visitors keep their picture" in drawer
    assert "Frame rate" in drawer
    assert ModeSwitch.objects.count() == 0

    made = browser.post("/hosts/atlas/switch", {"mode": "constrained"}, headers={"HX-Request": "true"})
    assert "2 sessions of atlas go to constrained" in made.content.decode()
    assert {switch.session for switch in ModeSwitch.objects.all()} == {full["ready"], full["degraded"]}
    ModeSwitch.objects.filter(session=full["ready"]).update(outcome=SwitchOutcome.APPLIED, took_ms=120)
    codes = [str(switch.code) for switch in ModeSwitch.objects.all()]
    lines = browser.get("/hosts/atlas/switches", {"switch": codes}).content.decode()
    assert "1 is under way" in lines
    assert "hx-get" in lines
    ModeSwitch.objects.update(outcome=SwitchOutcome.FAILED, detail="It was in the way.")
    lines = browser.get("/hosts/atlas/switches", {"switch": codes}).content.decode()
    assert "It was in the way." in lines
    assert "hx-get" not in lines


def test_one_that_is_being_switched_already_is_told_and_the_others_go_on(
    browse: Browse, amina: Operator, full: Full
) -> None:
    busy = full["degraded"]
    other = DeploymentMode.objects.get(slug="stable").current
    assert other is not None
    ModeSwitch.objects.create(
        session=busy, from_version=busy.mode_version, to_version=other, requested_by="Salim",
        requested_at=busy.requested_at,
    )  # fmt: skip
    page = browse(amina).post("/hosts/atlas/switch", {"mode": "constrained"}).content.decode()
    assert "Salim is just switching this session" in page
    assert "1 session of atlas goes to constrained" in page


def test_nonsense_is_no_traceback(browse: Browse, amina: Operator, full: Full) -> None:
    browser = browse(amina)
    assert browser.get("/hosts/nowhere/switch").status_code == 404
    assert browser.post("/hosts/nowhere/drain", {"on": "1"}).status_code == 404
    assert browser.get("/hosts/atlas/switches", {"switch": "no-code"}).status_code == 404
    assert "Switch all 2" in browser.post("/hosts/atlas/switch", {"mode": "no-such"}).content.decode()
    assert ModeSwitch.objects.count() == 0
