"""The visitor's picture when another track takes its place, and what is told of the gap."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
from playwright.sync_api import Page, expect

from protocol.control import Face
from tests.services import wait_until
from tests.visitor.agent import StandInAgent
from tests.visitor.conftest import House, NewAgent, OpenPage
from tests.visitor.test_join_page import expect_shown, meet

# What the page paints of its videos in each animation frame: grey value in the middle of the picture, 0 where there is none.
# And how long it was dark: a blank frame is covered once the page is told of it.
LOOK_AT_EVERY_PAINT = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  window.dark_ms = 0;
  let darkSince = null;
  const look = (now) => {
    brush.clearRect(0, 0, 8, 8);
    const painted = document.querySelectorAll("video[data-video], canvas[data-kept]:not([hidden])");
    for (const each of painted) brush.drawImage(each, 0, 0, 8, 8);
    window.painted = brush.getImageData(4, 4, 1, 1).data[1];
    darkSince = window.painted > 60 ? null : (darkSince ?? now);
    window.dark_ms = Math.max(window.dark_ms, now - (darkSince ?? now));
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
BLINK_MS = 500  # much more than it ever is, and much less than the next picture takes
FROZEN_MS = 2_400  # a little less than what the page takes for a picture that stands still


@contextmanager
def provider(house: House, job: StandInAgent) -> Iterator[StandInAgent]:
    """A provider's avatar with a brighter picture than the job's own."""
    keys = house.livekit.url, house.livekit.api_key, house.livekit.api_secret
    picture = np.full((180, 320, 4), 200, np.uint8)
    with StandInAgent(*keys, house.session.room, picture, on_behalf_of=job.identity) as worker:
        worker.publish()
        yield worker


def wait_for_picture(page: Page, of: str) -> None:
    def is_there() -> Any:
        return page.evaluate("window.painted > 150" if of == "provider" else "window.painted < 120")

    wait_until(is_there, f"the picture of the {of}", every_s=0.05)


def test_the_picture_is_of_whom_the_job_names_and_is_never_black_while_another_takes_its_place(
    visitor: OpenPage, agent: NewAgent, house: House
) -> None:
    page = visitor()
    job = meet(page, agent)
    page.evaluate(LOOK_AT_EVERY_PAINT)
    line = page.get_by_text("The moving picture is on its way back")
    with provider(house, job) as worker:
        wait_for_picture(page, "provider")
        job.face(Face.STILL, job.identity)
        expect(line).to_be_visible()
        wait_for_picture(page, "job")
        job.face(Face.MOVING, worker.identity)
        expect(line).to_be_hidden()
        wait_for_picture(page, "provider")
    wait_for_picture(page, "job")
    expect_shown(page, screen="talk", gate="none")
    expect(page.locator("video[data-video]")).to_have_count(1)
    job.leave()
    expect_shown(page, gate="returning")
    assert page.evaluate("window.dark_ms") < BLINK_MS, "the last picture stays until there is another"


def test_the_gap_of_a_switch_is_measured_from_the_last_frame_of_one_track_to_the_first_of_the_next(
    visitor: OpenPage, agent: NewAgent, house: House
) -> None:
    page = visitor()
    job = meet(page, agent)
    code = uuid4()
    job.switch(code)
    job.frozen = True
    expect_shown(page, gate="returning")
    with provider(house, job):
        expect_shown(page, gate="none")
        job.switch(code, is_over=True)
        wait_until(lambda: job.gaps_ms, "the gap's report")
        assert job.gaps_ms[0] > FROZEN_MS
