"""How far the mouth is behind the voice where both are received: a visitor's decoded pictures against its decoded sound.

The mouth is found in the pictures (where they change most while somebody speaks); its opening is how much it differs from
what it looks like in silence. A picture's time is its arrival, a sound's is its place in the stream of received sound.
"""

import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta

import cv2
import numpy as np
from livekit import api, rtc
from numpy.typing import NDArray

from protocol.modes import BUILT_IN_MODES
from tests.agent.in_step import SAMPLE_RATE, Signal, envelope, lag_ms
from tests.stack import ROOT, Stack

Row = tuple[str, str, list[float], float | None, str]
THINNED = 4  # each so many pixels one is kept
MOUTH_SIZE = (24, 14)  # across and down, in pixels that are kept
FIRST_PICTURES = 500  # in which the mouth is looked for, or in all there are
FEWEST_PICTURES = 75
SILENCE_DB = 6.0  # above the envelope's floor
SHORTEST_S = 1.0
UTTERANCES = 140  # ten minutes
AT_ONCE = 2  # of them: with more, the receiver here is too late to tell anything


def ten_minutes(stack: Stack, _: int) -> list[Row]:
    """Whether the mouth drifts from the voice in any mode: the first and last tenth of ten minutes of speech."""
    rows: list[Row] = []
    for mode, step in asyncio.run(_in_all_modes(stack)).items():
        tenth = max(len(step.offsets_ms) // 10, 1)
        drift = abs(float(np.median(step.offsets_ms[-tenth:]) - np.median(step.offsets_ms[:tenth])))
        rows += [
            (f"{mode}: drift of mouth and sound over the whole run", "ms", [drift], 45, "median"),
            ("  mouth behind sound, received", "ms", step.offsets_ms, None, "median"),
            ("  correlation of mouth and sound, received", "", step.correlations, None, "median"),
            ("  mouth behind sound, as drawn", "ms", [step.drawn_ms], None, "median"),
        ]
    return rows


async def _in_all_modes(stack: Stack) -> dict[str, "InStep"]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(mode: str) -> InStep:
        async with places:
            return await in_step(stack, mode, UTTERANCES)

    return dict(zip(BUILT_IN_MODES, await asyncio.gather(*map(one, BUILT_IN_MODES)), strict=True))


@dataclass(frozen=True)
class InStep:
    """Of each utterance how far the mouth was behind the voice when both were received, and how well they correlated there; of
    all how far it was behind as it was drawn."""

    offsets_ms: list[float]
    correlations: list[float]
    drawn_ms: float


async def in_step(stack: Stack, mode: str, utterances: int) -> InStep:
    """The built-in avatar speaks in `mode`, in a room of its own."""
    settings = stack.settings
    room_name = f"lipsync-{uuid.uuid4()}"
    watcher = Watcher()
    await watcher.room.connect(settings["LIVEKIT_URL"], token_for(stack, room_name, "watcher"))
    speaker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.agent.speaking",
        settings["LIVEKIT_URL"],
        token_for(stack, room_name, "speaker"),
        mode,
        str(utterances),
        cwd=ROOT,
        env=stack.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        printed, _ = await speaker.communicate()
    finally:
        if speaker.returncode is None:
            speaker.kill()
        await watcher.aclose()
    if speaker.returncode:
        raise RuntimeError(f"the speaker ended with {speaker.returncode}")
    lags = watcher.lags()
    if not lags:
        raise RuntimeError(f"no mouth was found in {mode}")
    own = json.loads(printed.decode().splitlines()[-1])
    return InStep([lag for lag, _ in lags], [correlation for _, correlation in lags], own["own_offset_ms"])


def token_for(stack: Stack, room: str, identity: str) -> str:
    """Lets somebody into a room of the stack, past the product."""
    settings = stack.settings
    grants = api.VideoGrants(room_join=True, room=room)
    access = api.AccessToken(settings["LIVEKIT_API_KEY"], settings["LIVEKIT_API_SECRET"])
    return access.with_identity(identity).with_grants(grants).with_ttl(timedelta(hours=1)).to_jwt()


class Watcher:
    """Keeps what it saw of the first video track and heard of the first audio track."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.room.on("track_subscribed", self._on_track)
        self._tasks: list[asyncio.Task[None]] = []
        self._size: tuple[int, int] | None = None
        self._first: list[NDArray[np.uint8]] = []
        self._mouth: tuple[slice, slice] | None = None
        self._mouths: list[NDArray[np.uint8]] = []
        self._picture_times: list[float] = []
        self._sound: list[NDArray[np.int16]] = []
        self._sound_times: list[float] = []

    def _on_track(self, track: rtc.Track, *_: object) -> None:
        watch = self._see(track) if track.kind == rtc.TrackKind.KIND_VIDEO else self._hear(track)
        self._tasks.append(asyncio.create_task(watch))

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    async def _see(self, track: rtc.Track) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            arrived, frame = time.perf_counter(), event.frame
            if self._size not in (None, (frame.width, frame.height)) or frame.width < 64:
                continue  # the encoder's first pictures may be of another size
            self._size = (frame.width, frame.height)
            self._picture_times.append(arrived)
            luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height).reshape(frame.height, frame.width)
            picture = luma[::THINNED, ::THINNED]
            if self._mouth is not None:
                self._mouths.append(picture[self._mouth].ravel().copy())
                continue
            self._first.append(picture.copy())
            if len(self._first) == FIRST_PICTURES:
                self._find_mouth()

    def _find_mouth(self) -> None:
        self._mouth = mouth = _liveliest(self._first)
        self._mouths = [first[mouth].ravel().copy() for first in self._first]
        self._first.clear()

    async def _hear(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=SAMPLE_RATE, frame_size_ms=10):
            self._sound_times.append(time.perf_counter())
            self._sound.append(np.frombuffer(event.frame.data, np.int16).copy())

    def lags(self) -> list[tuple[float, float]]:
        """Of each utterance that was seen whole: how far the mouth is behind, and their correlation; none where too few pictures
        came to find it."""
        if self._mouth is None:
            if len(self._first) < FEWEST_PICTURES:
                return []
            self._find_mouth()
        times, opening = np.array(self._picture_times), self._opening()
        sound_times, loudness = self._heard()
        lags = []
        for start, end in _utterances(sound_times, loudness):
            seen = (times > start - 0.6) & (times < end + 0.6)
            heard = (sound_times > start - 0.6) & (sound_times < end + 0.6)
            if seen.any() and times[seen][0] <= start and times[seen][-1] >= end:
                lags.append(lag_ms(times[seen], opening[seen], sound_times[heard], loudness[heard]))
        return lags

    def _heard(self) -> tuple[Signal, Signal]:
        """Sound is played at an even pace: its times are a line through its arrivals, second by second the earliest."""
        count = np.arange(len(self._sound_times))
        arrivals = np.array(self._sound_times) - count * 0.01
        _, loudness = envelope(np.concatenate(self._sound), 0.0)
        windows = np.array([np.median(arrivals[max(0, at - 100) : at + 100]) for at in count])
        return windows + count * 0.01, loudness[: len(count)]

    def _opening(self) -> Signal:
        """How much the mouth differs from what it looks like in silence."""
        values = np.stack(self._mouths).astype(np.float32)
        times = np.array(self._picture_times)
        sound_times, loudness = self._heard()
        heard = np.convolve(loudness, np.full(41, 1 / 41), "same")[np.searchsorted(sound_times, times) - 1]
        rest = np.median(values[heard <= 0], axis=0)
        return np.asarray(np.abs(values - rest).mean(axis=1), np.float64)


def _liveliest(pictures: list[NDArray[np.uint8]]) -> tuple[slice, slice]:
    """Where pictures change most."""
    change = np.abs(np.diff(np.stack(pictures[25::2]).astype(np.float32), axis=0)).mean(axis=0)
    row, column = divmod(int(np.argmax(cv2.blur(change, MOUTH_SIZE))), change.shape[1])
    across, down = MOUTH_SIZE[0] // 2, MOUTH_SIZE[1] // 2
    return slice(max(row - down, 0), row + down), slice(max(column - across, 0), column + across)


def _utterances(times: Signal, loudness: Signal) -> list[tuple[float, float]]:
    """Stretches of sound with at most 0.5 s of silence within."""
    loud = np.flatnonzero(loudness > SILENCE_DB)
    if not loud.size:
        return []
    pieces = np.split(loud, np.flatnonzero(np.diff(loud) > 50) + 1)
    return [(float(times[piece[0]]), float(times[piece[-1]])) for piece in pieces if len(piece) * 0.01 > SHORTEST_S]
