"""The path that the product exists for, on real parts: an operator starts, a visitor meets, everybody sees what happens."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.services import wait_until
from tests.stack import ApiError, Stack

OpenPage = Callable[[], Page]
MOVING_PICTURE = """() => {
  const video = document.querySelector("video[data-video]");
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const look = () => { brush.drawImage(video, 0, 0, 64, 36); return brush.getImageData(0, 0, 64, 36).data; };
  const first = look();
  const bright = first.reduce((sum, value) => sum + value, 0) / first.length;
  return new Promise((done) => {
    let frames = 0;
    const next = () => {
      frames += 1;
      const changed = look().some((value, index) => Math.abs(value - first[index]) > 4);
      if (changed && frames > 5) done({ bright, width: video.videoWidth, height: video.videoHeight });
      else video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  });
}"""


HEADER_IS_ASKED_FOR = """() => new Promise((done) => {
  document.addEventListener("htmx:afterRequest", ({ detail }) => detail.elt.id === "header" && done());
  document.getElementById("header").dispatchEvent(new Event("changed"));
})"""


def talk(page: Page, url: str) -> None:
    """Open a link as a visitor and meet the avatar."""
    page.goto(url)
    page.get_by_role("button", name=re.compile("^Talk with")).click()
    expect(page.locator("body")).to_have_attribute("data-screen", "talk")


def test_an_operator_starts_an_avatar_a_visitor_meets_it_and_the_report_stays(
    stack: Stack, operator_page: Page, visitor_page: OpenPage
) -> None:
    page = operator_page
    page.goto(stack.url)
    page.get_by_role("link", name="Start a session").first.click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/"))
    code = page.url.rstrip("/").rsplit("/", 1)[1]
    expect(page.get_by_text("Ready", exact=True).first).to_be_visible()
    expect(page.get_by_text("Starting Avatar Session").first).to_be_visible()

    link = stack.new_link(code)["url"]
    visitor = visitor_page()
    talk(visitor, link)
    seen = visitor.evaluate(MOVING_PICTURE)
    assert (seen["width"], seen["height"]) == (1280, 720)
    assert seen["bright"] > 20, "the picture is not black"
    session = stack.wait_for(code, lambda s: s["readiness"]["first_audio_ms"] is not None, "the greeting heard")
    visit = session["visits"][0]
    assert visit["token_ms"] <= visit["connected_ms"] <= visit["first_frame_ms"] <= visit["first_sound_ms"]
    expect(visitor.locator("[data-captions]")).to_contain_text("welcome")
    steps = {step["key"]: step for step in session["steps"]}
    assert steps["connection_initialization"]["status"] == "completed"
    assert steps["starting_avatar_session"]["rss_after_bytes"] > 0

    wait_until(lambda: page.evaluate("window.avataryPaint.length") >= 3, "three painted samples")
    stack.wait_for(code, lambda s: {step["key"] for step in s["steps"]} >= {"deliver_first_greeting"}, "all steps")
    samples = stack.api("GET", f"sessions/{code}/samples")
    assert any(sample.get("cpu_percent") is not None for sample in samples)
    assert any("steal_percent" in sample for sample in samples)

    page.get_by_role("button", name="Stop").first.click()
    page.evaluate(HEADER_IS_ASKED_FOR)  # an alert comes just then; the question stays where it is
    page.get_by_role("button", name=re.compile("Stop")).last.click()
    ended = stack.wait_for(code, lambda s: s["state"] == "ended", "the end")
    assert ended["end_reason"] == "operator_stopped"
    expect(visitor.locator("body")).to_have_attribute("data-screen", "ended")
    wait_until(lambda: page.request.get(f"{stack.url}/reports/{code}/").status == 200, "the report")
    page.goto(f"{stack.url}/reports/{code}/")
    expect(page.locator("h1")).to_contain_text("Ready in")


def test_a_ready_session_needs_no_visitor(stack: Stack, session_code: str) -> None:
    readiness = stack.session(session_code)["readiness"]
    milestones = ("dispatched_ms", "process_started_ms", "connected_ms", "first_video_ms", "ready_ms")
    assert all(readiness[name] is not None for name in milestones)
    assert readiness["first_audio_ms"] is None


def test_two_sessions_share_the_hosts_worker(stack: Stack, session_code: str) -> None:
    worker = stack.home.joinpath("agent-worker.json").read_text()
    other = stack.start_session("constrained")
    ready = stack.wait_ready(other)
    assert ready["host"] == stack.session(session_code)["host"] == "atlas"
    assert ready["job_pid"] != stack.session(session_code)["job_pid"]
    assert stack.home.joinpath("agent-worker.json").read_text() == worker
    stack.stop_session(other)


def test_the_greeting_is_said_to_nobody_twice(stack: Stack, session_code: str, visitor_page: OpenPage) -> None:
    visitor = visitor_page()
    talk(visitor, stack.new_link(session_code)["url"])
    stack.wait_for(session_code, lambda s: s["readiness"]["first_audio_ms"] is not None, "the greeting heard")
    visitor.reload()
    visitor.get_by_role("button", name=re.compile("^Talk with")).click()
    expect(visitor.locator("body")).to_have_attribute("data-screen", "talk")
    # The job tells what it does in order: with three more of its seconds, a second greeting would have been told.
    told = len(stack.api("GET", f"sessions/{session_code}/samples?limit=10000"))
    stack.wait_for(
        session_code,
        lambda _: len(stack.api("GET", f"sessions/{session_code}/samples?limit=10000")) >= told + 3,
        "three more seconds told",
    )
    session = stack.stop_session(session_code)
    assert len(session["visits"]) == 1, "the same page resumes its visit"
    assert sum(step["key"] == "deliver_first_greeting" for step in session["steps"]) == 1


def test_a_revoked_link_sends_its_visitor_out_for_good(stack: Stack, session_code: str, visitor_page: OpenPage) -> None:
    link = stack.new_link(session_code)
    visitor = visitor_page()
    talk(visitor, link["url"])
    stack.api("DELETE", f"links/{link['code']}")
    expect(visitor.locator("body")).not_to_have_attribute("data-screen", "talk")
    answer = visitor.goto(link["url"])
    assert answer is not None
    assert answer.status == 410
    with pytest.raises(ApiError, match="withdrawn"):
        stack.api("POST", f"join/{link['url'].rsplit('/', 1)[1]}", {}, anonymous=True)


@pytest.mark.parametrize("token", ["nobody-knows-this", "x" * 300])
def test_an_unknown_link_is_a_calm_page(stack: Stack, visitor_page: OpenPage, token: str) -> None:
    page = visitor_page()
    answer: Any = page.goto(f"{stack.url}/j/{token}")
    assert answer.status == 404
    expect(page.locator("h1")).to_be_visible()


def test_a_page_that_nobody_sees_has_no_socket_and_one_again_when_it_is_seen(stack: Stack, operator_page: Page) -> None:
    is_hidden = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with operator_page.expect_websocket() as opened:
        operator_page.goto(f"{stack.url}/")
    # One that is closed while it still connects has failed to open: wait for what comes through it.
    wait_until(lambda: operator_page.evaluate("window.avataryPaint.length") > 0, "a painted sample")
    with opened.value.expect_event("close"):
        operator_page.evaluate(is_hidden, True)
    with operator_page.expect_websocket() as again:
        operator_page.evaluate(is_hidden, False)
    assert not again.value.is_closed()
