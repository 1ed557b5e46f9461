"""Lips and voice at the visitor: how far the browser plays them apart, and what the page does about it."""

import pytest

from tests.services import wait_until
from tests.visitor.agent import StandInAgent
from tests.visitor.conftest import NewAgent, OpenPage
from tests.visitor.test_join_page import meet

# The page's ten seconds are one; and `network` says for how many milliseconds what comes must wait, whatever the page asks for.
IN_HASTE = """
const everySecond = window.setInterval;
window.setInterval = (run, ms, ...rest) => everySecond(run, ms >= 10000 ? ms / 10 : ms, ...rest);
const asked = new WeakMap();
const { get, set } = Object.getOwnPropertyDescriptor(RTCRtpReceiver.prototype, "jitterBufferTarget");
const apply = (receiver) => {
  set.call(receiver, Math.max(asked.get(receiver) ?? 0, window.network[receiver.track.kind] ?? 0) || null);
};
Object.defineProperty(RTCRtpReceiver.prototype, "jitterBufferTarget", {
  get, set(ms) { asked.set(this, ms); apply(this); },
});
window.network = {};
window.setNetwork = (network) => {
  window.network = network;
  window.connections.flatMap((each) => each.getReceivers()).forEach(apply);
};
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...all) { super(...all); window.connections.push(this); }
};
"""
SEEN_MS = 45.0
LATE_MS = 300  # as a bad network makes it


def offset_ms(job: StandInAgent) -> float | None:
    """By how much the sound was ahead of the picture, as the page told last."""
    told = [report.quality.av_offset_ms for _, report in job.reports if report.quality]
    return told[-1] if told else None


@pytest.mark.parametrize(("late", "sign"), [("audio", -1), ("video", 1)])
def test_whichever_the_network_delays_the_other_is_held_back_until_lips_and_voice_are_together_again(
    visitor: OpenPage, agent: NewAgent, late: str, sign: int
) -> None:
    page = visitor(script=IN_HASTE)
    job = meet(page, agent)
    job.sound(True)  # silence is played as it comes
    wait_until(lambda: offset_ms(job) is not None and abs(offset_ms(job) or 0) < SEEN_MS, "picture and sound in step")
    page.evaluate("([late, ms]) => window.setNetwork({ [late]: ms })", [late, LATE_MS])
    wait_until(lambda: sign * (offset_ms(job) or 0) > SEEN_MS, f"{late} that comes late")
    wait_until(lambda: abs(offset_ms(job) or 0) < SEEN_MS, "picture and sound in step again")


def test_what_was_held_back_is_let_go_before_the_other_is_held(visitor: OpenPage) -> None:
    page = visitor()

    def held(delays: tuple[int, int], holds: tuple[int, int]) -> tuple[int, int]:
        """Of picture and sound, milliseconds."""
        both = [dict(zip(("picture", "sound"), each, strict=True)) for each in (delays, holds)]
        script = "async ([delays, holds]) => (await import('/static/js/join/in_step.js')).together(delays, holds)"
        result = page.evaluate(script, both)
        return result["picture"], result["sound"]

    assert held((10, 35), (0, 0)) == (0, 0)
    assert held((10, 110), (0, 0)) == (110, 0)
    assert held((110, 60), (110, 0)) == (60, 0)
    assert held((200, 60), (60, 0)) == (0, 140)
    assert held((20, 4_000), (0, 0)) == (500, 0)
