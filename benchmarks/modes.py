"""The five modes side by side: how soon a session of it is ready, what its job takes while it speaks, what a visitor receives,
and how long a visitor's picture holds when a session is switched to it.

Bandwidth is measured by a participant that hears and decodes, as is the mouth, whose avatar speaks in a room of its own; the
gap of a switch is measured by Chromium on the visitor's page.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks import lipsync
from benchmarks.guest import Guest, until
from benchmarks.jobs import speaking_profile
from benchmarks.starts import FIRST_WORK_S, understands
from launch.browser import find_chromium
from protocol.modes import BUILT_IN_MODES
from tests.services import wait_until
from tests.stack import VISITOR_BROWSER_FLAGS, Stack

Row = tuple[str, str, list[float], float | None, str]
STARTS: Final = 3
READY_S: Final = 60
SECONDS: Final = 12  # of speech that are measured
SETTLE_S: Final = 2.0
UTTERANCES: Final = 20  # in which the mouth is held against the sound
ROUNDS: Final = 6  # switches to each mode
BETWEEN_SWITCHES_S: Final = 1.0
FULL_ROUND_AT: Final = 10  # repetitions from which on all of that is done; fewer are for trying the measurement out
MIB: Final = 1024 * 1024
GAP_TARGET_MS: Final = 200.0
DRIFT_TARGET_MS: Final = 45.0
COLUMNS: Final = {  # of the table, medians
    "start to READY": "ms",
    "CPU while it speaks": "core",
    "memory": "MB USS",
    "frame time p95": "ms",
    "switch gap": "ms",
    "mouth off sound": "ms",
    "bandwidth": "kbit/s",
}


def side_by_side(stack: Stack, repetitions: int) -> list[Row]:
    """All figures of all modes; prints them as a table too. What could not be measured is a dash in it, and said below it.
    The mouth is held against the sound in twenty utterances of each mode; over ten minutes of speech `drift` does."""
    os.environ["AVATARY_HOME"] = str(stack.home)  # where the voice keeps its phrases
    wait_until(lambda: understands(stack), "the host's own first work done", FIRST_WORK_S)
    is_full = repetitions >= FULL_ROUND_AT
    rows: dict[str, dict[str, list[float]]] = {mode: {} for mode in BUILT_IN_MODES}
    failures: list[str] = []
    for mode, figures in rows.items():
        began = time.monotonic()
        with _going_on(stack, mode, failures):
            asyncio.run(_in_mode(stack, mode, STARTS if is_full else 1, UTTERANCES if is_full else 3, figures))
        print(f"{mode} took {time.monotonic() - began:.0f} s", flush=True)
    with _going_on(stack, "the switches", failures):
        _gaps(stack, ROUNDS if is_full else 1, rows, failures)
    print("\n".join([_table(rows), *failures]), flush=True)
    measured: list[Row] = [
        (f"{mode}: {what}", unit, rows[mode][what], DRIFT_TARGET_MS if what == "mouth off sound" else None, "median")
        for mode in BUILT_IN_MODES
        for what, unit in COLUMNS.items()
        if rows[mode].get(what)
    ]
    gaps = [gap for figures in rows.values() for gap in figures.get("switch gap", [])]
    return [*measured, *([("switch gap, all modes", "ms", gaps, GAP_TARGET_MS, "p95")] if gaps else [])]


@contextmanager
def _going_on(stack: Stack, what: str, failures: list[str]) -> Iterator[None]:
    """Whatever goes wrong with one mode, the others are measured, on a host that nothing is left over on."""
    try:
        yield
    except Exception as error:
        failures.append(f"{what} failed: {type(error).__name__}: {str(error)[:300]}")
        print(failures[-1], flush=True)
        for session in stack.api("GET", "sessions"):
            if session["state"] not in ("stopping", "ended"):
                stack.stop_session(session["code"])


async def _in_mode(stack: Stack, mode: str, starts: int, utterances: int, figures: dict[str, list[float]]) -> None:
    """Into `figures`: what a session in `mode` takes, from its request to its speech, and how well the mouth keeps step."""
    profile = await asyncio.to_thread(speaking_profile, stack, "none")
    ready_ms = figures["start to READY"] = []
    for left in range(starts, 0, -1):
        code = await asyncio.to_thread(stack.start_session, mode, profile=profile)
        ready_ms.append((await asyncio.to_thread(stack.wait_ready, code, READY_S))["readiness"]["ready_ms"])
        if left > 1:
            await asyncio.to_thread(stack.stop_session, code)
    guest = Guest(stack, await asyncio.to_thread(stack.new_link, code))
    try:
        await guest.join()
        await until(lambda: guest.video is not None, 15)
        await asyncio.sleep(SETTLE_S)
        await guest.report(first_frame_ms=1)
        if not await until(lambda: bool(guest.loud_at), 30):
            raise RuntimeError("the greeting was not heard")
        await asyncio.sleep(SETTLE_S)
        figures |= await _while_speaking(stack, code, guest)
    finally:
        await guest.leave()
    await asyncio.to_thread(stack.stop_session, code)
    step = await lipsync.in_step(stack, mode, utterances)
    figures["mouth off sound"] = [abs(statistics.median(step.offsets_ms))]


async def _while_speaking(stack: Stack, code: str, guest: Guest) -> dict[str, list[float]]:
    job = psutil.Process((await asyncio.to_thread(stack.session, code))["job_pid"])
    cpu: list[float] = []
    kbps: list[float] = []
    began, busy_s, received = time.monotonic(), sum(job.cpu_times()[:2]), await _received_bytes(guest)
    at = began
    for second in range(SECONDS):
        await asyncio.sleep(max(began + second + 1 - time.monotonic(), 0.1))
        now, busy_now_s, received_now = time.monotonic(), sum(job.cpu_times()[:2]), await _received_bytes(guest)
        cpu.append((busy_now_s - busy_s) / (now - at))
        kbps.append((received_now - received) * 8 / 1000 / (now - at))
        at, busy_s, received = now, busy_now_s, received_now
    if guest.quiet_for(3):
        raise RuntimeError("the greeting was over before it was measured")
    own = job.memory_full_info().uss / MIB
    samples = (await asyncio.to_thread(stack.api, "GET", f"sessions/{code}/samples"))[-SECONDS:]
    frames = [sample["frame_p95_ms"] for sample in samples if sample.get("frame_p95_ms") is not None]
    return {"CPU while it speaks": cpu, "memory": [own], "frame time p95": frames, "bandwidth": kbps}


async def _received_bytes(guest: Guest) -> int:
    """Of the picture, since it is received."""
    if guest.video is None:
        raise RuntimeError("no picture was subscribed")
    stats = await guest.video.get_stats()
    return sum(each.inbound_rtp.inbound.bytes_received for each in stats if each.HasField("inbound_rtp"))


def _gaps(stack: Stack, rounds: int, rows: dict[str, dict[str, list[float]]], failures: list[str]) -> None:
    """Into `rows`: a talking session goes round through all modes; what the visitor's browser saw of each switch."""
    code = stack.start_session("balanced", profile=speaking_profile(stack, "none"))
    stack.wait_ready(code, READY_S)
    url = stack.new_link(code)["url"]
    others = [mode for mode in BUILT_IN_MODES if mode != "balanced"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=VISITOR_BROWSER_FLAGS)
        page = browser.new_context(permissions=["microphone"]).new_page()
        talk(page, url)
        stack.wait_for(code, lambda session: any(v["first_frame_ms"] for v in session["visits"]), "a face seen", 60)
        for mode in [*others, "balanced"] * rounds:
            try:
                gap_ms = switched_ms(stack, code, mode=mode)
            except AssertionError as error:  # no gap was told
                failures.append(str(error)[:300])
            else:
                rows[mode].setdefault("switch gap", []).append(gap_ms)
            time.sleep(BETWEEN_SWITCHES_S)
        browser.close()
    stack.stop_session(code)


def talk(page: Page, url: str) -> None:
    page.goto(url, wait_until="networkidle")
    page.get_by_role("button", name="Talk with").click()


def switched_ms(stack: Stack, code: str, **to: str) -> float:
    """The gap that was told of a switch to a mode or a provider, milliseconds. Raises AssertionError where none is."""
    switch = stack.api("POST", f"sessions/{code}/mode", to)["code"]

    def made(session: dict[str, Any]) -> dict[str, Any]:
        return next(dict(each) for each in session["switches"] if each["code"] == switch)

    def is_told(session: dict[str, Any]) -> bool:
        outcome = made(session)["outcome"]  # a visitor's browser may tell its gap first
        return outcome != "pending" and (made(session)["gap_ms"] is not None or outcome != "applied")

    said = made(stack.wait_for(code, is_told, f"the gap of the switch to {to}", 30))
    if said["outcome"] != "applied" or said["gap_ms"] is None:
        raise AssertionError(f"the switch to {to}: {said['outcome']}: {said['detail']}")
    return float(said["gap_ms"])


def _table(rows: dict[str, dict[str, list[float]]]) -> str:
    """Modes as columns, figures as lines."""
    lines = ["".join([f"{'':<28}", *(f"{mode:>19}" for mode in rows)])]
    for what, unit in COLUMNS.items():
        cells = [_cell(rows[mode].get(what, []), 2 if unit == "core" else 0) for mode in rows]
        lines.append("".join([f"{f'{what}, {unit}':<28}", *(f"{cell:>19}" for cell in cells)]))
    return "\n".join(lines)


def _cell(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f}" if values else "-"
