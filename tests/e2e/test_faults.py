"""What may die while an avatar talks, and what must be true then."""

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import process_of
from tests.e2e.test_main_path import talk
from tests.services import LIGHT_PAGE, PAGE_LIMIT_MS, wait_until
from tests.stack import Stack

OpenPage = Callable[[], Page]


FRAMES_SEEN = """() => {
  const { totalVideoFrames: now } = document.querySelector("video[data-video]").getVideoPlaybackQuality();
  const before = window.framesBefore ?? now; // every track has an element of its own, which counts from nought
  window.framesSeen = (window.framesSeen ?? 0) + (now < before ? now : now - before);
  window.framesBefore = now;
  return window.framesSeen;
}"""


def wait_for_more_frames(page: Page, count: int = 2) -> None:
    """A face that says nothing is sent once a second in the modes that save what they can."""
    before = page.evaluate(FRAMES_SEEN)
    wait_until(lambda: page.evaluate(FRAMES_SEEN) >= before + count, "more frames at the visitor", every_s=0.1)


def test_a_killed_job_is_noticed_and_comes_back_in_the_same_room(
    stack: Stack, session_code: str, visitor_page: OpenPage
) -> None:
    visitor = visitor_page()
    talk(visitor, stack.new_link(session_code)["url"])
    before = stack.session(session_code)
    os.kill(before["job_pid"], signal.SIGKILL)
    stack.wait_for(session_code, lambda s: s["attempt"] == 2, "the loss noticed")
    after = stack.wait_ready(session_code)
    assert after["room"] == before["room"]
    assert after["job_pid"] != before["job_pid"]
    expect(visitor.locator("body")).to_have_attribute("data-screen", "talk")
    wait_for_more_frames(visitor)


def test_what_a_killed_job_had_opened_at_a_vendor_is_ended_there_while_the_session_goes_on(stack: Stack) -> None:
    tavus = f"http://127.0.0.1:{stack.settings['AVATARY_STANDINS_PORT']}/_standin/tavus"
    guide = next(each["code"] for each in stack.api("GET", "profiles") if each["provider"] == "tavus")
    code = stack.start_session("constrained", profile=guide)
    before = stack.wait_ready(code)

    def are_billed() -> list[bool]:
        with urllib.request.urlopen(tavus, timeout=5) as answer:
            conversations = json.load(answer)["conversations"]
        return [each["open"] for each in conversations if each["room"] == before["room"]]

    assert are_billed() == [True]
    os.kill(before["job_pid"], signal.SIGKILL)
    wait_until(lambda: are_billed() == [False, True], "the first one ended, and the next attempt's begun", every_s=0.1)
    ended = "A conversation was still open at Tavus, and billed there: ended."
    wait_until(lambda: ended in json.dumps(stack.api("GET", f"sessions/{code}/report")), "it stands in the report")
    stack.stop_session(code)
    wait_until(lambda: are_billed() == [False, False], "nothing billed any more", every_s=0.1)


def test_a_job_that_is_lost_again_ends_the_session_with_its_reason(stack: Stack) -> None:
    code = stack.start_session("constrained")
    for attempt in (1, 2):

        def serves(session: dict[str, Any], attempt: int = attempt) -> bool:
            return session["state"] == "ready" and session["attempt"] == attempt and session["job_pid"] is not None

        job = stack.wait_for(code, serves, f"attempt {attempt}")
        os.kill(job["job_pid"], signal.SIGKILL)
    ended = stack.wait_for(code, lambda s: s["state"] == "ended", "the end")
    assert ended["end_reason"] == "agent_lost"


def test_a_killed_agent_worker_leaves_no_session_ready_with_nobody_behind_it(stack: Stack) -> None:
    code = stack.start_session("constrained")
    before = stack.wait_ready(code)
    worker = psutil.Process(before["job_pid"])
    while "agent.worker" not in " ".join(worker.cmdline()) or worker.ppid() != 1:
        parent = worker.parent()
        assert parent is not None
        if parent.pid == 1 or "launch" in " ".join(parent.cmdline()):
            break
        worker = parent
    worker.kill()
    after = stack.wait_for(code, lambda s: s["state"] == "ended" or s["attempt"] == 2, "the loss noticed")
    after = stack.wait_for(code, lambda s: s["state"] in ("ready", "ended"), "it settled", 90)
    if after["state"] == "ready":
        assert psutil.pid_exists(after["job_pid"])
        stack.stop_session(code)
    assert after["end_reason"] in (None, "agent_lost"), after["state_detail"]


@pytest.fixture(scope="module")
def talking(stack: Stack, browser: Browser) -> Iterator[tuple[str, Page]]:
    """A session's code, and the page of the visitor who talks with it."""
    code = stack.start_session("constrained")
    stack.wait_ready(code)
    context = browser.new_context(permissions=["microphone"], **LIGHT_PAGE)
    context.set_default_timeout(PAGE_LIMIT_MS)
    visitor = context.new_page()
    talk(visitor, stack.new_link(code)["url"])
    yield code, visitor
    context.close()
    stack.stop_session(code)


@pytest.mark.parametrize("words", [("daphne",), ("celery", "worker"), ("manage.py", "monitor"), ("agent.sampler",)])
def test_a_control_process_dies_and_the_visitor_notices_nothing(
    stack: Stack, talking: tuple[str, Page], words: tuple[str, ...]
) -> None:
    code, visitor = talking
    before = stack.session(code)
    victim = process_of(stack, *words)
    victim.kill()
    wait_for_more_frames(visitor)
    process_of(stack, *words, but_not=victim.pid)
    wait_until(lambda: _answers(stack), "the API answering again", every_s=0.2)
    after = stack.wait_ready(code)
    assert (after["job_pid"], after["attempt"]) == (before["job_pid"], 1)
    expect(visitor.locator("body")).to_have_attribute("data-screen", "talk")


def test_redis_restarts_while_a_session_talks_and_no_event_is_lost_or_doubled(
    stack: Stack, session_code: str, visitor_page: OpenPage
) -> None:
    visitor = visitor_page()
    talk(visitor, stack.new_link(session_code)["url"])
    before = stack.session(session_code)
    victim = process_of(stack, "valkey")
    victim.kill()
    wait_for_more_frames(visitor)
    process_of(stack, "valkey", but_not=victim.pid)
    seen = len(stack.api("GET", f"sessions/{session_code}/samples?limit=10000"))
    stack.wait_for(
        session_code,
        lambda _: len(stack.api("GET", f"sessions/{session_code}/samples?limit=10000")) > seen + 3,
        "samples flowing again",
    )
    after = stack.session(session_code)
    assert (after["job_pid"], after["attempt"], after["state"]) == (before["job_pid"], 1, "ready")
    missed = stack.manage(
        "shell",
        "--no-imports",
        "-c",
        "from monitoring.models import EventSource;"
        f"print(*EventSource.objects.filter(name__startswith='job:{session_code}').values_list('missed', flat=True))",
    )
    assert missed.split() == ["0"], "events of the job are missing"
    steps = [step["key"] for step in after["steps"]]
    assert len(steps) == len(set(steps)), "a step was written twice"
    stack.stop_session(session_code)
    wait_until(lambda: not psutil.pid_exists(before["job_pid"]), "the job gone")
    log = stack.home.joinpath("log", "agent-worker.log").read_text()
    assert f"telemetry events of job:{session_code}" not in log, "some were not sent"


def test_livekit_down_at_start_is_said_and_tried_again_by_the_modes_policy(stack: Stack) -> None:
    victim = process_of(stack, "livekit-server")
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        code = stack.start_session("ultra-low-latency")
        waiting = stack.wait_for(code, lambda s: "does not answer" in s["state_detail"], "the reason told")
        assert waiting["state"] == "starting"
        assert "Retry 1 of 3" in waiting["state_detail"]
    finally:
        os.kill(victim.pid, signal.SIGCONT)
    session = stack.wait_ready(code)
    here = f"from sessions import livekit; print(*livekit.participant_identities({session['room']!r}))"
    assert session["attempt"] == 1
    assert len(stack.manage("shell", "--no-imports", "-c", here).split()) == 1, "all orders together became one job"
    stack.stop_session(code)


def _answers(stack: Stack) -> bool:
    try:
        return bool(stack.api("GET", "modes"))
    except OSError:
        return False
