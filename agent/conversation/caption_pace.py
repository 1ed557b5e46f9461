"""Words of captions when they begin to be said, whoever made the sound.

LiveKit's own synchroniser sends a word in the middle of its time, and goes by a fixed rate of syllables until it has all of the
sound: in a greeting of six seconds words came a second late. Ours goes by what the lips do, which is known with the sound.
"""

import asyncio
import contextlib
import time
from bisect import bisect_left
from typing import Any, Final

import numpy as np
from livekit import rtc
from livekit.agents.types import TimedString
from livekit.agents.voice.transcription.synchronizer import TranscriptSynchronizer, _SegmentSynchronizerImpl

from agent.voice.visemes import SPOKEN_PART, SpokenPart, Viseme

_LETTERS_A_DIGIT: Final = 4  # "1790" is said as seventeen letters
_SOUNDS_A_LETTER: Final = 0.86  # of English, until all of the text and of its sound are here
_SOUNDS_A_LETTER_ARABIC: Final = 1.4  # most of its vowels are not written
_SOUNDS_A_SECOND: Final = 12.0  # of a voice that does not tell what its lips do
_LONGEST_SOUND_S: Final = 1.0
_HEARD_LEVEL: Final = 0.005 * 32767  # RMS
_LEAD_S: Final = 0.08  # a word is there a moment before it is heard
_LOOK_AGAIN_S: Final = 0.1  # more sound may come, or a pause


class SaidSoFar:
    """How many sounds of speech there are up to each moment of a piece of sound; silence has none."""

    def __init__(self) -> None:
        self.duration_s = 0.0
        self.is_complete = False
        self._ends_s: list[float] = [0.0]
        self._counts: list[float] = [0.0]

    @property
    def count(self) -> float:
        return self._counts[-1]

    def push(self, frame: rtc.AudioFrame) -> None:
        part = frame.userdata.get(SPOKEN_PART)
        heard = _sounds_of(part, frame.duration) if isinstance(part, SpokenPart) and part.track else _by_ear(frame)
        self.duration_s += frame.duration
        self._ends_s.append(self.duration_s)
        self._counts.append(self.count + heard)

    def time_of(self, count: float) -> float | None:
        """When the sound behind the first `count` begins, in seconds; None where that part has not come yet."""
        place = bisect_left(self._counts, count + 1e-6)
        if place == len(self._counts):
            return self.duration_s if self.is_complete else None
        before, after = self._counts[place - 1], self._counts[place]
        start_s = self._ends_s[place - 1]
        return start_s + (self._ends_s[place] - start_s) * max(0.0, count - before) / (after - before)


def letters_in(text: str) -> int:
    """How long it takes to say, in letters."""
    return sum(_LETTERS_A_DIGIT if letter.isdigit() else letter.isalpha() for letter in text)


def sounds_a_letter(text: str) -> float:
    is_arabic = any("\u0600" <= letter <= "\u06ff" for letter in text)
    return _SOUNDS_A_LETTER_ARABIC if is_arabic else _SOUNDS_A_LETTER


def _sounds_of(part: SpokenPart, duration_s: float) -> float:
    end_s, count = part.start_s + duration_s, 0.0
    first = bisect_left(part.track, part.start_s - _LONGEST_SOUND_S, key=lambda lips: lips.start_s)
    for lips in part.track[first:]:
        if lips.start_s >= end_s:
            break
        if lips.viseme is not Viseme.REST and lips.end_s > part.start_s:
            within_s = min(lips.end_s, end_s) - max(lips.start_s, part.start_s)
            count += float(within_s / (lips.end_s - lips.start_s))
    return count


def _by_ear(frame: rtc.AudioFrame) -> float:
    sound = np.frombuffer(frame.data, np.int16).astype(np.float32)
    is_heard = sound.size and float(np.sqrt(np.mean(sound**2))) > _HEARD_LEVEL
    return _SOUNDS_A_SECOND * frame.duration if is_heard else 0.0


class _Segment(_SegmentSynchronizerImpl):
    """The words of one speech beside its sound."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._sound = SaidSoFar()  # before tasks begin
        super().__init__(*arguments, **options)

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        if not self.closed:
            self._sound.push(frame)
            self._audio_data.pushed_duration += frame.duration

    def end_audio_input(self) -> None:
        super().end_audio_input()
        self._sound.is_complete = True

    def _reestimate_speed(self) -> None:
        """The rate is read from the sound at each word."""

    async def _main_task(self) -> None:
        await self._start_fut.wait()
        letters = 0
        async for data in self._text_data.word_stream:
            word = data.token
            await self._until_due(letters)
            if self._interrupted or (self.closed and not self._playback_completed):
                return
            began = self._start_wall_time or time.time()
            self._out_ch.send_nowait(TimedString(word, end_time=time.time() - began))
            self._text_data.forwarded_text += word
            letters += letters_in(word)

    async def _until_due(self, letters: int) -> None:
        while not self.closed and not self._playback_completed:
            if not self._output_enabled_ev.is_set():
                await self._output_enabled_ev.wait()
                continue
            wait_s, due_s = _LOOK_AGAIN_S, self._sound.time_of(letters * self._rate())
            if due_s is not None:
                assert self._start_wall_time is not None  # noqa: S101 (it has begun)
                wait_s = due_s - _LEAD_S - (time.time() - self._start_wall_time - self._paused_duration)
            if wait_s <= 0:
                return
            await self._sleep_if_not_closed(min(wait_s, _LOOK_AGAIN_S))

    def _rate(self) -> float:
        text = self._text_data.pushed_text
        letters = letters_in(text)
        if self._text_data.done and self._audio_data.done and not self.audio_truncated and letters:
            return self._sound.count / letters
        return sounds_a_letter(text)


class CaptionPace(TranscriptSynchronizer):
    """LiveKit's synchroniser with segments of ours: who is told what, and when a speech is over, stay as they are."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rotate_segment()  # the first one is not ours

    async def _rotate_segment_task(self, old_task: asyncio.Task[None] | None) -> None:
        if old_task:
            with contextlib.suppress(Exception):
                await old_task
        await self._impl.aclose()
        if not self._closed:
            self._impl = _Segment(options=self._opts, next_in_chain=self._text_output.next_in_chain)
            if self._paused:
                self._impl.pause()
