"""The charts of sessions and hosts in a browser: windows, pause, zoom, live tail, and what came while the socket was away.

The server's end of the socket is played by the test; readings are asked of the real server.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, Request, WebSocketRoute, expect
from pytest_django.live_server_helper import LiveServer

from monitoring.models import FrameSample, HostRollup, HostSample, SessionRollup, SessionSample
from operators.models import Operator
from sessions.models import AgentWorker, AvatarSession, State
from tests.pages.conftest import Browse, page_of, put
from tests.services import wait_until
from tests.visitor.conftest import browser

__all__ = ["browser"]
pytestmark = pytest.mark.once

MIB = 1024 * 1024
WINDOWS = {5: "−5 s", 60: "−1 min", 300: "−5 min", 900: "−15 min", 3600: "−1 h", 86_400: "−24 h"}

# What stands on a canvas, and where.
KEEPS_WHAT_IS_WRITTEN = """
  const pen = CanvasRenderingContext2D.prototype, { clearRect, fillText } = pen;
  pen.clearRect = function (...box) { this.canvas.written = []; clearRect.apply(this, box); };
  pen.fillText = function (text, x, y) { this.canvas.written?.push({ text, x, y }); fillText.call(this, text, x, y); };
"""
TIME_AXIS = """() => {
  const canvas = document.querySelector('[data-chart="memory"] canvas');
  const below = (canvas?.written ?? []).filter(({ y }) => y > canvas.height - 24 * devicePixelRatio);
  return below.sort((a, b) => a.x - b.x).map(({ text }) => text);
}"""
# Whether a stack of CPU stands where the reading of so many seconds before the window's end belongs.
IS_DRAWN = """([ago, seconds]) => {
  const canvas = document.querySelector('[data-chart="cpu"] canvas'), ratio = canvas.width / canvas.clientWidth;
  const over = document.querySelector('[data-chart="cpu"] .u-over').getBoundingClientRect(), box = canvas.getBoundingClientRect();
  const x = (over.left - box.left + over.width * (1 - ago / seconds)) * ratio, y = (over.bottom - box.top - 6) * ratio;
  return canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data[3] > 0;
}"""


class Live:
    """A page with charts, the server's end of its socket, and the moment up to which its readings go."""

    def __init__(self, page: Page, session: AvatarSession, until: datetime, ahead: timedelta) -> None:
        self.page, self.session, self.until = page, session, until
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/ws/live/"), self._open)
        page.add_init_script(KEEPS_WHAT_IS_WRITTEN)
        page.clock.set_fixed_time(until + ahead)
        self._asked: set[Request] = set()
        page.on("request", self._begins)
        page.on("requestfinished", self._ends)
        page.on("requestfailed", self._ends)

    def settle(self) -> None:
        """What was asked is answered, and nothing more is asked: the database is emptied after a test."""
        self.page.route("**/*", lambda route: route.abort())
        self.wait_for_answers()

    def read(self, ago: range) -> None:
        """Readings of these seconds are in the database."""
        self.wait_for_answers()
        sampled(self.session, self.until, ago)

    def wait_for_answers(self) -> None:
        """All that was asked is answered: test and server have one connection to the database, and only one may use it."""
        wait_until(lambda: self.page.evaluate("true") and not self._asked, "an answer to all that was asked")

    def _begins(self, request: Request) -> None:
        self._asked.add(request)

    def _ends(self, request: Request) -> None:
        self._asked.discard(request)

    def _open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        if len(self.sockets) > 1:  # to the first one the test says so when it is ready
            self.listen()

    def listen(self) -> None:
        """The page catches up with what it missed."""
        self.sockets[-1].send(json.dumps({"type": "listening", "now": self.until.isoformat()}))

    def tell(self, at: datetime, busy_percent: float, cpu_percent: float = 40) -> None:
        """A second of the host and of the session, as the monitor tells it."""
        own = {"cpu_percent": cpu_percent, "uss_bytes": 118 * MIB, "frame_p95_ms": 9}
        for topic, figures in (("host:atlas", host_figures(busy_percent)), (f"session:{self.session.code}", own)):
            data = {"at": at.isoformat(), **figures}
            self.sockets[-1].send(json.dumps({"type": "sample", "topic": topic, "data": data}))

    def choose(self, window_s: int) -> None:
        """Press a window's button and wait for its readings."""
        button = self.page.locator(f"[data-window='{window_s}']")
        with self.page.expect_response(re.compile("samples.json")):
            button.click()
        expect(button).to_have_attribute("aria-pressed", "true")

    def has_axis(self, first: str | None = None, last: str | None = None) -> None:
        """The time axis begins, or ends, with that."""

        def has() -> bool:
            words = self.page.evaluate(TIME_AXIS)
            return bool(words) and (first or words[0], last or words[-1]) == (words[0], words[-1])

        wait_until(has, f"an axis from {first} to {last}")

    def is_drawn(self, ago_s: int, of_s: int = 300) -> bool:
        return bool(self.page.evaluate(IS_DRAWN, [ago_s, of_s]))

    def clock(self, at: datetime, form: str = "%H:%M") -> str:
        return timezone.localtime(at).strftime(form)


Open = Callable[..., AbstractContextManager[Live]]


def host_figures(busy_percent: float) -> dict[str, Any]:
    return {
        "cores": 2, "user_percent": busy_percent - 5, "system_percent": 5, "iowait_percent": 1, "steal_percent": 0.3,
        "memory_total_bytes": 16_384 * MIB, "memory_used_bytes": 5_000 * MIB,
    }  # fmt: skip


def sampled(session: AvatarSession, until: datetime, ago: range) -> None:
    """Readings of these seconds before `until`."""
    moments = [until - timedelta(seconds=second) for second in ago]
    HostSample.objects.bulk_create(HostSample(host="atlas", at=at, **host_figures(30)) for at in moments)
    SessionSample.objects.bulk_create(
        SessionSample(session=session, at=at, cpu_percent=24, uss_bytes=118 * MIB) for at in moments
    )
    FrameSample.objects.bulk_create(
        FrameSample(session=session, at=at, composed=18, cached=7, repeated=0, frame_p95_ms=4, budget_ms=40)
        for at in moments
    )


@pytest.fixture
def on_air(start: Callable[..., AvatarSession]) -> AvatarSession:
    now = timezone.now()
    AgentWorker.objects.create(host="atlas", state="running", pid=41, host_seen_at=now, last_seen_at=now)
    return put(start(), State.READY, requested_at=now - timedelta(minutes=20), ready_at=now - timedelta(minutes=20))


@pytest.fixture
def live(browser: Browser, browse: Browse, amina: Operator, on_air: AvatarSession, live_server: LiveServer) -> Open:
    """Open a page with charts of what was read so many seconds `ago`; its clock stands `ahead` of the newest of them."""

    @contextmanager
    def live(address: str = "", ago: range = range(250), ahead: timedelta = timedelta()) -> Iterator[Live]:
        until = timezone.now().replace(microsecond=0)
        sampled(on_air, until, ago)
        with page_of(browser, browse(amina), live_server) as page:
            page.set_viewport_size({"width": 1280, "height": 1600})  # what is out of sight is not drawn
            opened = Live(page, on_air, until, ahead)
            page.goto(f"{live_server.url}{address or f'/sessions/{on_air.code}/'}")
            wait_until(lambda: page.evaluate(TIME_AXIS) and opened.sockets, "charts and a socket")
            with page.expect_response(re.compile("samples.json")):
                opened.listen()
            opened.wait_for_answers()
            try:
                yield opened
            finally:
                opened.settle()
        wait_until(lambda: not any("process_request" in each.name for each in threading.enumerate()), "an idle server")

    return live


@pytest.mark.parametrize(("address", "windows"), [("", (5, 60, 300, 3600, 86_400)), ("/hosts/atlas/", (5, 900, 3600))])
def test_each_window_of_the_charts_shows_the_time_that_it_names(
    live: Open, address: str, windows: tuple[int, ...]
) -> None:
    with live(address) as charts:
        for window_s in windows:
            charts.choose(window_s)
            charts.has_axis(WINDOWS[window_s], "now")


def test_what_is_told_stands_at_the_end_of_the_charts_at_once(live: Open) -> None:
    with live(ago=range(30, 250)) as charts:
        assert charts.is_drawn(100)
        charts.tell(charts.until, busy_percent=64)
        expect(charts.page.locator("[data-figure='busy']")).to_have_text("64")
        wait_until(lambda: not charts.is_drawn(15), "the hole before the second that was told")
        assert charts.is_drawn(130)
        charts.has_axis("−5 min", "now")


def test_charts_that_are_paused_stand_still_and_catch_up(live: Open) -> None:
    with live(ago=range(40, 250)) as charts:
        busy, pause = charts.page.locator("[data-figure='busy']"), charts.page.locator("[data-pause]")
        pause.click()
        expect(pause).to_have_attribute("aria-pressed", "true")
        charts.has_axis(last=charts.clock(charts.until - timedelta(seconds=40)))
        charts.tell(charts.until, busy_percent=64)
        charts.read(range(40))
        charts.page.evaluate("document.dispatchEvent(new CustomEvent('catch-up'))")
        expect(busy).to_have_text("30")
        pause.click()
        wait_until(lambda: charts.is_drawn(20), "what came meanwhile")
        charts.has_axis("−5 min", "now")


def test_a_part_of_a_chart_that_is_dragged_over_is_shown_alone(live: Open) -> None:
    with live() as charts:
        back = charts.page.locator("[data-zoomed]")
        expect(back).to_be_hidden()
        box = charts.page.locator("[data-chart='cpu'] .u-over").bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        charts.page.mouse.move(box["x"] + box["width"] * 0.5, middle)
        charts.page.mouse.down()
        charts.page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=4)
        charts.page.mouse.up()
        expect(back).to_be_visible()
        shown = charts.page.evaluate(TIME_AXIS)
        dragged = {charts.clock(charts.until - timedelta(seconds=ago), "%H:%M:%S") for ago in range(89, 152)}
        assert set(shown) <= dragged
        charts.tell(charts.until + timedelta(seconds=1), busy_percent=64)
        expect(charts.page.locator("[data-figure='busy']")).to_have_text("64")
        assert charts.page.evaluate(TIME_AXIS) == shown
        back.click()
        expect(back).to_be_hidden()
        charts.has_axis("−5 min", "now")


def test_a_hole_that_a_lost_socket_left_is_filled_when_it_is_back(live: Open) -> None:
    with live(ago=range(60, 250)) as charts:
        charts.tell(charts.until, busy_percent=30)
        wait_until(lambda: not charts.is_drawn(30), "the hole")
        charts.read(range(1, 60))
        charts.sockets[-1].close()
        wait_until(lambda: charts.page.evaluate("true") and len(charts.sockets) == 2, "another socket")
        wait_until(lambda: charts.is_drawn(30), "what was told to nobody")
        assert charts.is_drawn(200)
        charts.tell(charts.until + timedelta(seconds=1), busy_percent=64)
        expect(charts.page.locator("[data-figure='busy']")).to_have_text("64")


def test_what_was_told_before_the_clock_was_set_back_hides_nothing_that_is_read_after_it(live: Open) -> None:
    with live() as charts:
        charts.tell(charts.until + timedelta(hours=1), 30)
        wait_until(lambda: not charts.is_drawn(10), "the window to end with it")
        charts.page.evaluate("document.dispatchEvent(new CustomEvent('catch-up'))")
        wait_until(lambda: charts.is_drawn(10), "what was read")


@pytest.mark.parametrize("window_s", [3600, 86_400])
def test_the_figures_beside_long_windows_of_a_session_are_of_the_newest_second(live: Open, window_s: int) -> None:
    with live() as charts:
        charts.wait_for_answers()
        at, span_s = charts.until - timedelta(minutes=3), 10 if window_s == 3600 else 60
        HostRollup.objects.create(host="atlas", span_s=span_s, at=at, **{**host_figures(30), "user_percent": 11})
        SessionRollup.objects.create(session=charts.session, span_s=span_s, at=at, cpu_percent=10, uss_bytes=50 * MIB)
        charts.choose(window_s)
        charts.tell(charts.until + timedelta(seconds=1), busy_percent=64, cpu_percent=50)
        figure = {
            name: charts.page.locator(f"[data-figure='{name}']") for name in ("busy", "share", "frame-p95", "memory")
        }
        for name, text in (("busy", "64"), ("share", "25"), ("frame-p95", "9.0"), ("memory", "118")):
            expect(figure[name]).to_have_text(text)
        visit = {"identity": "dana", "av_offset_ms": 21, "fps": 24}
        data = {"at": (charts.until + timedelta(seconds=2)).isoformat(), "visit": visit}
        charts.sockets[-1].send(json.dumps({"type": "sample", "topic": f"session:{charts.session.code}", "data": data}))
        expect(charts.page.locator("[data-figure='av_offset_ms']")).to_have_text("21")


@pytest.mark.parametrize("address", ["", "/hosts/atlas/"])
def test_charts_of_who_fell_silent_end_with_the_time_of_the_last_reading(live: Open, address: str) -> None:
    with live(address) as charts:
        charts.has_axis(last="now")
        charts.page.clock.set_fixed_time(charts.until + timedelta(minutes=2))
        charts.has_axis(last=charts.clock(charts.until))
        charts.tell(charts.until + timedelta(minutes=2), busy_percent=64)
        charts.has_axis(last="now")


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_browser_whose_clock_is_wrong_shows_the_servers_time(live: Open, ahead: timedelta) -> None:
    with live(ahead=ahead) as charts:
        charts.has_axis(last="now")
        expect(charts.page.locator("#main [data-since]").first).to_have_text(re.compile(r"^(19|20):\d\d$"))
