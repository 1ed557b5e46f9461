"""Hosted avatars, by stand-ins that speak the vendors' protocols, in a product of their own: what a visitor hears and sees when
the provider changes while the avatar speaks, and how soon the still picture is there when an avatar has died.

The voice's gap is how much longer a visitor's longest silences become by the changes: those of a speech with changes and of the
same speech without are put in order of length and held against each other. The picture's gap is measured by Chromium.
"""

import asyncio
import itertools
import json
import os
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

from benchmarks.guest import Guest, until
from benchmarks.jobs import GREETING
from benchmarks.modes import switched_ms, talk
from launch.browser import find_chromium
from tests.stack import VISITOR_BROWSER_FLAGS, Stack

Row = tuple[str, str, list[float], float | None, str]
PROVIDERS: Final = ("tavus", "bey", "bithuman")
SPEECHES: Final = 2  # with changes
ROUNDS: Final = 3  # of changes that a browser looks at
BETWEEN_CHANGES_S: Final = 2.0
FULL_ROUND_AT: Final = 10
OVER_AFTER_S: Final = 2.5
READY_S: Final = 60


def changes(stack: Stack, repetitions: int) -> list[Row]:
    is_full = repetitions >= FULL_ROUND_AT
    with _product() as own:
        profile = _profile(own)
        voice = asyncio.run(_voice_gaps(own, profile, SPEECHES if is_full else 1))
        pictures = _picture_gaps(own, profile, ROUNDS if is_full else 1)
        taken_over = [_taken_over_ms(own) for _ in range(repetitions)]
    return [
        ("provider change while it speaks: voice gap", "ms", voice["changed"], None, "median"),
        ("  the same without a change", "ms", voice["unchanged"], None, "median"),
        *((f"  picture gap, to {name}", "ms", gaps, None, "median") for name, gaps in pictures.items()),
        ("dead avatar noticed to still picture", "ms", taken_over, 1000, "p95"),
    ]


@contextmanager
def _product() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="avatary-bench-") as folder:
        own = Stack(Path(folder), {"PROVIDERS": "standin"})
        own.start()
        before = os.environ.get("AVATARY_HOME")
        os.environ["AVATARY_HOME"] = folder
        try:
            own.wait_until_all_is_read()
            yield own
        finally:
            own.stop()
            if before is not None:
                os.environ["AVATARY_HOME"] = before


def _profile(own: Stack) -> str:
    """Code of a profile with the built-in face, a long greeting, and settings for all providers."""
    settings = {
        each["provider"]: each["provider_settings"]
        for each in own.api("GET", "profiles")
        if each["provider"] in PROVIDERS
    }
    body = {
        "name": f"Speaker {uuid.uuid4().hex[:6]}",
        "greeting": GREETING,
        "provider_settings": {"presenter": "omar", "scene": "museum-hall", "tv": "none"},
        "other_settings": settings,
    }
    return str(own.api("POST", "profiles", body)["code"])


async def _voice_gaps(own: Stack, profile: str, speeches: int) -> dict[str, list[float]]:
    await _silences_ms(own, profile, ())  # the first one fills the phrase cache
    usual = await _silences_ms(own, profile, ())
    unchanged = [_longer_ms(usual, await _silences_ms(own, profile, ()))]
    return {
        "unchanged": unchanged,
        "changed": [_longer_ms(usual, await _silences_ms(own, profile, PROVIDERS)) for _ in range(speeches)],
    }


def _longer_ms(usual: list[float], silences: list[float]) -> float:
    """How much longer the longest silences are, at most; a silence that is not in `usual` is wholly one."""
    padded = [*usual, *[0.0] * max(0, len(silences) - len(usual))]
    return max(now - before for before, now in zip(padded, silences, strict=False))


async def _silences_ms(own: Stack, profile: str, to: tuple[str, ...]) -> list[float]:
    """Silences that a guest heard within a greeting, the longest first, while its provider changes to each of `to`."""
    code = await asyncio.to_thread(own.start_session, "balanced", profile=profile)
    await asyncio.to_thread(own.wait_ready, code, READY_S)
    guest = Guest(own, await asyncio.to_thread(own.new_link, code))
    try:
        await guest.join()
        await until(lambda: guest.video is not None, 15)
        await guest.report(first_frame_ms=1)
        if not await until(lambda: bool(guest.loud_at), 30):
            raise RuntimeError("the greeting was not heard")
        for provider in to:
            await asyncio.sleep(BETWEEN_CHANGES_S)
            await asyncio.to_thread(_change, own, code, provider)
        if guest.quiet_for(OVER_AFTER_S):
            raise RuntimeError("the greeting was over before all changes were made")
        await guest.silence(OVER_AFTER_S)
        loud = sorted(guest.loud_at)
    finally:
        await guest.leave()
        await asyncio.to_thread(own.stop_session, code)
    return sorted(((after - before) * 1000 for before, after in itertools.pairwise(loud)), reverse=True)


def _change(own: Stack, code: str, provider: str) -> None:
    switch = own.api("POST", f"sessions/{code}/mode", {"provider": provider})["code"]

    def made(session: dict[str, Any]) -> dict[str, Any]:
        return next(dict(each) for each in session["switches"] if each["code"] == switch)

    done = made(
        own.wait_for(code, lambda session: made(session)["outcome"] != "pending", f"the change to {provider}", 30)
    )
    if done["outcome"] != "applied":
        raise RuntimeError(f"the change to {provider}: {done['outcome']}: {done['detail']}")


def _picture_gaps(own: Stack, profile: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds without a new picture in a visitor's browser, by the provider that was changed to."""
    gaps: dict[str, list[float]] = {}
    code = own.start_session("balanced", profile=profile)
    own.wait_ready(code, READY_S)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=VISITOR_BROWSER_FLAGS)
        talk(browser.new_context(permissions=["microphone"]).new_page(), own.new_link(code)["url"])
        own.wait_for(code, lambda session: any(v["first_frame_ms"] for v in session["visits"]), "a face seen", 60)
        for provider in (*PROVIDERS, "builtin") * rounds:
            gaps.setdefault(provider, []).append(switched_ms(own, code, provider=provider))
        browser.close()
    own.stop_session(code)
    return gaps


def _taken_over_ms(own: Stack) -> float:
    """A hosted avatar leaves the room a second after its first picture: from when that was noticed to the still picture."""
    guide = next(each["code"] for each in own.api("GET", "profiles") if each["provider"] == "tavus")
    _behave(own, {"behaviour": "join-then-die", "seconds": 1, "times": 1})
    code = own.start_session("balanced", profile=guide)
    own.wait_ready(code, READY_S)

    def stand_ins(_: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            each for absence in own.api("GET", f"sessions/{code}/report")["absences"] for each in absence["stand_ins"]
        ]

    took_ms = stand_ins(own.wait_for(code, stand_ins, "a taken-over picture"))[0]["took_ms"]
    own.stop_session(code)
    return float(took_ms)


def _behave(own: Stack, behaviour: dict[str, Any]) -> None:
    url = f"http://127.0.0.1:{own.settings['AVATARY_STANDINS_PORT']}/_standin/tavus/behave"
    request = urllib.request.Request(url, json.dumps(behaviour).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5):
        pass
