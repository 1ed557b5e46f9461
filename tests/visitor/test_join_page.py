"""The visitor's page: waiting, meeting, troubles and ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from protocol.control import Stage
from tests.services import wait_until
from tests.visitor.agent import StandInAgent
from tests.visitor.conftest import House, NewAgent, OpenPage


def expect_shown(page: Page, **keys: str) -> None:
    """The page's body carries its state: `screen`, `stage`, `gate`, `state`."""
    for key, value in keys.items():
        expect(page.locator("body")).to_have_attribute(f"data-{key}", value)


def talk(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Talk")).click()


def meet(page: Page, new_agent: NewAgent) -> StandInAgent:
    """The visitor talks with an avatar that is ready; returns the avatar's job."""
    agent = new_agent()
    agent.ready()
    talk(page)
    expect_shown(page, screen="talk", gate="none")
    return agent


def test_the_waiting_screen_names_the_job_s_own_stage_and_goes_on_ready(
    visitor: OpenPage, agent: NewAgent, house: House
) -> None:
    page = visitor()
    talk(page)
    expect_shown(page, screen="waiting", stage="connecting")
    job = agent()
    for stage, words in ((Stage.WAKING, "Waking up…"), (Stage.ALMOST, "Almost there…")):
        job.stage(stage)
        expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    job.publish()
    wait_until(lambda: page.evaluate("document.querySelector('video').videoWidth") == 320, "a decoded frame")
    expect_shown(page, screen="waiting", stage="almost")
    assert job.reports == []
    job.stage(Stage.READY)
    expect_shown(page, screen="talk", state="listening")


def test_ready_without_a_decoded_frame_keeps_the_visitor_waiting(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor()
    job = agent()
    job.stage(Stage.READY)
    talk(page)
    expect_shown(page, screen="waiting", stage="almost")
    job.publish()
    expect_shown(page, screen="talk")


def test_the_page_reports_its_first_frame_and_then_its_first_sound(
    visitor: OpenPage, agent: NewAgent, house: House
) -> None:
    page = visitor()
    job = meet(page, agent)
    wait_until(lambda: job.reports, "the report of the first frame")
    identity, report = job.reports[0]
    assert identity == house.session.visits.get().identity
    assert report.first_sound_ms is None
    reached = [report.token_ms or 0, report.connected_ms or 0, report.first_frame_ms or 0]
    assert reached == sorted(reached)
    assert reached[0] > 0
    job.sound(True)
    wait_until(lambda: len(job.reports) == 2, "the report of the first sound")
    assert (job.reports[1][1].first_sound_ms or 0) > reached[2]


def test_the_frame_and_its_word_follow_the_agent_s_state(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor()
    job = meet(page, agent)
    for state in ("thinking", "speaking", "listening"):
        job.state(state)
        expect_shown(page, state=state)
        expect(page.locator(".tab")).to_contain_text(state.title())


def test_captions_of_both_sides_carry_their_own_language(visitor: OpenPage, agent: NewAgent, house: House) -> None:
    page = visitor()
    job = meet(page, agent)
    job.caption("أين وُجدت هذه الجرّة؟", segment="v1", speaker=house.session.visits.get().identity)
    expect(page.locator(".cap.you")).to_have_attribute("lang", "ar")
    expect(page.locator(".cap.you")).to_have_attribute("dir", "rtl")
    job.caption("Divers found it in 1962.", segment="a1")
    job.caption("It carried olive oil.", segment="a2")
    expect(page.locator(".cap")).to_have_count(2)
    expect(page.locator(".cap").last).to_contain_text("It carried olive oil.")
    expect(page.locator(".cap").last).to_have_attribute("dir", "ltr")
    page.get_by_role("button", name="Captions").click()
    expect(page.locator("[data-captions]")).to_be_hidden()


@pytest.mark.parametrize(("width", "height", "pressed"), [(1440, 900, "false"), (390, 844, "true")])
def test_captions_in_the_picture_are_not_written_twice_unless_an_upright_screen_cuts_them_off(
    visitor: OpenPage, agent: NewAgent, house: House, width: int, height: int, pressed: str
) -> None:
    version = house.session.profile_version
    version.provider_settings = {**version.provider_settings, "captions_burnt_in": True}
    version.save(update_fields=["provider_settings"])
    page = visitor(viewport={"width": width, "height": height})
    meet(page, agent)
    button = page.get_by_role("button", name="Captions")
    expect(button).to_have_attribute("aria-pressed", pressed)


def test_the_microphone_is_published_and_can_be_muted(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor()
    job = meet(page, agent)

    def muted() -> list[bool]:
        return [track.muted for someone in job.visitors() for track in someone.track_publications.values()]

    wait_until(lambda: muted() == [False], "the microphone in the room")
    page.get_by_role("button", name="Microphone").click()
    wait_until(lambda: muted() == [True], "the microphone muted")
    expect(page.get_by_role("button", name="Microphone")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Microphone").click()
    wait_until(lambda: muted() == [False], "the microphone on again")


def test_without_a_microphone_the_visitor_still_sees_and_hears(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor(microphone=False)
    job = meet(page, agent)
    expect(page.get_by_text("can’t hear you yet")).to_be_visible()
    job.sound(True)
    wait_until(lambda: any(report.first_sound_ms for _, report in job.reports), "the first sound")
    page.get_by_role("button", name="Microphone").click()
    expect_shown(page, screen="help")
    page.get_by_role("button", name="Type instead").click()
    expect_shown(page, screen="talk", gate="none")
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()


def test_typed_words_reach_the_avatar_and_stand_among_the_captions(
    visitor: OpenPage, agent: NewAgent, house: House
) -> None:
    page = visitor()
    job = meet(page, agent)
    page.get_by_role("button", name="Type", exact=True).click()
    field = page.get_by_role("textbox", name="Your question")
    field.fill("  How old is the boat?  ")
    field.press("Enter")
    wait_until(lambda: job.typed, "the typed question")
    assert job.typed == [(house.session.visits.get().identity, "How old is the boat?")]
    expect(page.locator(".cap.you")).to_contain_text("How old is the boat?")
    expect(field).to_have_value("")
    job.write_to(job.typed[0][0], "That was quick. Please ask again in a moment.")
    expect(page.locator(".cap.them")).to_contain_text("That was quick.")
    field.press("Escape")
    expect(page.get_by_role("button", name="Type", exact=True)).to_be_focused()


def test_who_wants_to_type_is_not_asked_for_a_microphone(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor(microphone=False)
    agent().ready()
    page.get_by_role("button", name="or type instead").click()
    expect_shown(page, screen="talk", gate="none")
    expect(page.get_by_role("textbox", name="Your question")).to_be_visible()
    expect(page.get_by_text("can’t hear you yet")).to_be_hidden()


def test_an_avatar_that_is_lost_comes_back_on_the_next_ready_frame(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor()
    meet(page, agent).leave()
    expect_shown(page, screen="talk", gate="returning", state="trouble")
    expect(page.get_by_role("alert").filter(has_text="is coming back")).to_be_visible()
    restarted = agent()
    restarted.stage(Stage.WAKING)
    expect_shown(page, gate="returning")
    restarted.ready()
    expect_shown(page, screen="talk", gate="none", state="listening")
    wait_until(lambda: len(restarted.reports) == 1, "the report to the restarted job")


def test_a_picture_that_stands_still_is_announced(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor()
    job = meet(page, agent)
    job.frozen = True
    expect_shown(page, gate="returning")
    job.frozen = False
    expect_shown(page, gate="none")


def test_blocked_sound_asks_for_a_tap(visitor: OpenPage, agent: NewAgent) -> None:
    page = visitor()
    page.evaluate(
        """() => {
          const play = HTMLAudioElement.prototype.play;
          window.allowSound = () => { HTMLAudioElement.prototype.play = play; };
          HTMLAudioElement.prototype.play = () => Promise.reject(new DOMException("not now", "NotAllowedError"));
        }"""
    )
    agent().ready()
    talk(page)
    expect_shown(page, screen="talk", gate="sound")
    page.evaluate("window.allowSound()")
    page.get_by_role("button", name="Turn on the sound").click()
    expect_shown(page, gate="none")


def test_a_deleted_room_ends_the_visit(visitor: OpenPage, agent: NewAgent, house: House) -> None:
    page = visitor()
    meet(page, agent)
    house.delete_room()
    expect_shown(page, screen="ended")
    expect(page.get_by_role("heading", name="Thank you for visiting")).to_be_visible()


def test_a_removed_visitor_is_told_and_does_not_come_back(visitor: OpenPage, agent: NewAgent, house: House) -> None:
    page = visitor()
    meet(page, agent)
    house.remove(house.session.visits.get().identity)
    expect_shown(page, screen="removed")


def test_who_leaves_can_talk_again_without_a_further_use(visitor: OpenPage, agent: NewAgent, house: House) -> None:
    page = visitor()
    meet(page, agent)
    page.get_by_role("button", name="Leave").click()
    expect_shown(page, screen="left")
    talk(page)
    expect_shown(page, screen="talk", gate="none")
    house.link.refresh_from_db()
    assert house.link.uses == 1


def test_the_page_comes_back_by_itself_when_livekit_was_away(visitor: OpenPage, agent: NewAgent, house: House) -> None:
    page = visitor()
    meet(page, agent).leave()
    house.livekit.stop()
    try:
        expect_shown(page, screen="talk", gate="lost")
        expect(page.get_by_text("The connection was lost")).to_be_visible()
    finally:
        house.livekit.start()
    agent().ready()
    expect(page.locator("body")).to_have_attribute("data-gate", "none")
    house.link.refresh_from_db()
    assert house.link.uses == 1


@pytest.mark.parametrize(
    ("spoilt", "status", "words"),
    [
        ({"revoked_at": timezone.now()}, 410, "withdrawn"),
        ({"expires_at": timezone.now() - timedelta(minutes=1)}, 410, "This link has expired"),
    ],
)
def test_a_link_that_lets_nobody_in_gets_a_sentence(
    house: House, visitor: OpenPage, spoilt: dict[str, Any], status: int, words: str
) -> None:
    page = visitor()
    type(house.link).objects.filter(pk=house.link.pk).update(**spoilt)
    response = page.goto(house.url)
    assert response is not None
    assert response.status == status
    expect(page.get_by_role("heading")).to_contain_text(words)


def test_a_link_that_expires_under_an_open_page_says_so_after_the_click(visitor: OpenPage, house: House) -> None:
    page = visitor()
    type(house.link).objects.filter(pk=house.link.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    talk(page)
    expect_shown(page, screen="refused")
    expect(page.get_by_role("heading", name="This link has expired")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800), (1080, 1920)])
def test_the_talk_button_is_in_sight_and_large_enough(visitor: OpenPage, width: int, height: int) -> None:
    page = visitor(viewport={"width": width, "height": height})
    box = page.get_by_role("button", name=re.compile("^Talk")).bounding_box()
    assert box is not None
    assert box["height"] >= 48
    assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
