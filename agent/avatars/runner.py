"""LiveKit's avatar runner, publishing at once: READY needs a published picture, and no visitor has to be there for it."""

import asyncio
import contextlib
import logging
import math
import time
from typing import Any, Final, cast

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import (
    AudioSegmentEnd,
    AvatarOptions,
    AvatarRunner,
    QueueAudioOutput,
    VideoGenerator,
)
from livekit.rtc.participant import UnpublishTrackError

from protocol.modes import ModeSettings, VideoCodec

logger = logging.getLogger(__name__)

LONGEST_QUEUE_MS: Final = 2_000  # of sound that waits for its moment, in any mode
_BOTH_S: Final = 2.0  # how long the picture goes out twice while visitors change over from one track to the next

_CODECS = {VideoCodec.H264: rtc.VideoCodec.H264, VideoCodec.VP8: rtc.VideoCodec.VP8}


class BoundedSound(rtc.AudioSource):
    """A source of sound whose queue can be made longer and shorter while it plays, up to `LONGEST_QUEUE_MS`."""

    def __init__(self, sample_rate: int, queue_s: float) -> None:
        super().__init__(sample_rate, 1, queue_size_ms=LONGEST_QUEUE_MS)
        self.queue_s = queue_s
        self._clears = 0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        clears = self._clears
        over_s = self.queued_duration + frame.duration - max(self.queue_s, frame.duration)
        if over_s > 0:
            await asyncio.sleep(over_s)
        if clears == self._clears:
            await super().capture_frame(frame)

    def clear_queue(self) -> None:
        """Throws away what waits, also what is being handed over."""
        self._clears += 1
        super().clear_queue()


class Stretching:
    """Gives frames to the source of a track that larger pictures are to follow on, stretched to their size until the first of
    them comes. So the encoder is set up, and its large key frame sent, while visitors still see the track before."""

    def __init__(self, source: rtc.VideoSource, size: tuple[int, int]) -> None:
        self._source = source
        self._size: tuple[int, int] | None = size

    def capture_frame(self, frame: rtc.VideoFrame, **options: Any) -> None:
        if self._size == (frame.width, frame.height):
            self._size = None
        self._source.capture_frame(frame if self._size is None else _stretched(frame, self._size), **options)


class _Both:
    """Gives frames to two video sources."""

    def __init__(self, *sources: rtc.VideoSource | Stretching) -> None:
        self._sources = sources

    def capture_frame(self, frame: rtc.VideoFrame, **options: Any) -> None:
        for source in self._sources:
            source.capture_frame(frame, **options)


class Playout:
    """What plays a runner's frames, as a renderer may steer it."""

    def __init__(self, av_sync: rtc.AVSynchronizer, sound: BoundedSound) -> None:
        self._av_sync = av_sync
        self._sound = sound

    def follow(self, mode: ModeSettings) -> None:
        """The frames that come next are of this mode: their rate, and how many may wait."""
        queue_s = _queue_ms(mode) / 1000
        clock = self._av_sync._fps_controller
        clock._expected_fps, clock._frame_interval = mode.video_fps, 1 / mode.video_fps
        self._av_sync._video_queue._maxsize = max(1, int(mode.video_fps * queue_s))  # type: ignore[attr-defined]
        self._sound.queue_s = queue_s

    def reset(self) -> None:
        """The frame clock starts anew: the next frame is due now.

        LiveKit's own reset forgets the time that a frame which waits for its moment asserts on; that ends the picture for good.
        """
        clock = self._av_sync._fps_controller
        if clock._next_frame_time is not None:
            clock._next_frame_time = time.perf_counter()

    def queued(self) -> tuple[int, float]:
        """Frames, and milliseconds of sound, that wait for their moment."""
        return self._av_sync._video_queue.qsize(), 1000 * self._sound.queued_duration

    async def clear_queue(self) -> None:
        """Throw away sound and pictures that wait."""
        await self._av_sync.clear_queue()


class PublishingRunner(AvatarRunner):
    """Publishes sound and picture in parallel, in the mode's codec and bit rate, without waiting for a subscriber."""

    def __init__(
        self,
        room: rtc.Room,
        *,
        mode: ModeSettings,
        audio: QueueAudioOutput,
        video: VideoGenerator,
        audio_sample_rate: int,
    ) -> None:
        options = AvatarOptions(
            video_width=mode.video_width,
            video_height=mode.video_height,
            video_fps=mode.video_fps,
            audio_sample_rate=audio_sample_rate,
            audio_channels=1,
        )
        super().__init__(room, audio_recv=audio, video_gen=video, options=options, _queue_size_ms=_queue_ms(mode))
        self._sound = BoundedSound(audio_sample_rate, _queue_ms(mode) / 1000)
        self._audio_source = self._av_sync._audio_source = self._sound
        self._mode = mode
        self._clears = 0
        self._announce_first_capture()

    async def first_frame(self) -> None:
        """Returns once the published video track took its first frame; raises what ended the picture before that."""
        forwarding = self._forward_video_atask
        if forwarding is None:
            raise RuntimeError("the runner is not started")
        await asyncio.wait({self._first_frame, forwarding}, return_when=asyncio.FIRST_COMPLETED)
        if not self._first_frame.done():
            await forwarding
            raise RuntimeError("the renderer ended before its first frame")

    @property
    def playout(self) -> Playout:
        return Playout(self._av_sync, self._sound)

    async def follow(self, mode: ModeSettings) -> None:
        """Beside the renderer's own change to `mode`. Codec and bit rate are of a track: where they change, the picture goes out
        on a new one, and on the earlier one until visitors have changed over."""
        publication, earlier = self._video_publication, self._mode
        if (earlier.codec, earlier.bitrate_kbps) == (mode.codec, mode.bitrate_kbps) or publication is None:
            self._mode = mode
            return
        source = self._video_source
        following = rtc.VideoSource(mode.video_width, mode.video_height)
        taken = Stretching(following, (mode.video_width, mode.video_height))
        self._av_sync._video_source = cast(rtc.VideoSource, _Both(source, taken))
        try:
            self._video_publication = await self._publish_video(following, mode)
            self._video_source, self._mode = following, mode
            await asyncio.sleep(_BOTH_S)
            await self._room.local_participant.unpublish_track(publication.sid)
        finally:
            shown = taken if self._video_source is following else source
            self._av_sync._video_source = cast(rtc.VideoSource, shown)

    async def heard(self, limit_s: float) -> None:
        """Returns once somebody has subscribed to the sound, or after `limit_s`."""
        if self._audio_publication is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._audio_publication.wait_for_subscription(), limit_s)

    async def withdraw(self) -> None:
        """Before `aclose`: takes picture and sound out of a room that the agent stays in."""
        if self._forward_video_atask is not None:
            await utils.aio.cancel_and_wait(self._forward_video_atask)
        for publication in (self._video_publication, self._audio_publication):
            if publication is not None and self._room.isconnected():
                try:
                    await self._room.local_participant.unpublish_track(publication.sid)
                except (UnpublishTrackError, ConnectionError) as error:
                    logger.warning("a track could not be withdrawn: %s", error)

    async def broken(self) -> str:
        """Returns what stopped the picture or the sound, once one of them stops though nobody closed the runner."""
        parts = {self._forward_video_atask, self._read_audio_atask, self._av_sync._capture_video_task}
        done, _ = await asyncio.wait({part for part in parts if part is not None}, return_when=asyncio.FIRST_COMPLETED)
        part = done.pop()
        error = None if part.cancelled() else part.exception()
        return f"{type(error).__name__}: {error}" if error else "it ended by itself"

    async def _publish_track(self) -> None:
        async with self._lock:
            if self._video_publication is not None:
                return
            await self._room_connected_fut
            self._video_publication, self._audio_publication = await asyncio.gather(
                self._publish_video(self._video_source, self._mode),
                self._room.local_participant.publish_track(
                    rtc.LocalAudioTrack.create_audio_track("avatar_audio", self._audio_source),
                    rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
                ),
            )

    async def _publish_video(self, source: rtc.VideoSource, mode: ModeSettings) -> rtc.LocalTrackPublication:
        track = rtc.LocalVideoTrack.create_video_track("avatar_video", source)
        return await self._room.local_participant.publish_track(track, _video_options(mode))

    async def _forward_video(self) -> None:
        """Plays what the renderer makes, and tells when sound begins and ends.

        As LiveKit's own does, but for a frame that waited for its place while everything was thrown away: LiveKit takes it for
        the beginning of the next speech, whose own beginning is then never told, so that its captions wait for ever.
        """
        async for frame in self._video_gen:
            if isinstance(frame, AudioSegmentEnd):
                if self._audio_playing:
                    self._audio_playing = False
                    position_s, self._playback_position = self._playback_position, 0.0
                    self._audio_recv.notify_playback_finished(playback_position=position_s, interrupted=False)
                continue
            if not self._video_publication:
                await self._publish_track()
            clears = self._clears
            await self._av_sync.push(frame)
            if isinstance(frame, rtc.AudioFrame) and clears == self._clears:
                if self._playback_position == 0.0 and frame.duration > 0.0:
                    self._audio_recv.notify_playback_started()
                self._playback_position += frame.duration

    def _on_clear_buffer(self) -> None:
        self._clears += 1
        super()._on_clear_buffer()

    def _announce_first_capture(self) -> None:
        """The synchroniser hands frames to the source in its own task: the source is where the first one is seen."""
        self._first_frame: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        capture = self._video_source.capture_frame

        def capture_first(frame: rtc.VideoFrame, **options: Any) -> None:
            capture(frame, **options)
            self._video_source.capture_frame = capture  # type: ignore[method-assign]
            if not self._first_frame.done():
                self._first_frame.set_result(None)

        self._video_source.capture_frame = capture_first  # type: ignore[method-assign]


def _stretched(frame: rtc.VideoFrame, size: tuple[int, int]) -> rtc.VideoFrame:
    """An I420 picture in another size, both of whose sides are even."""
    import cv2  # the drawing thread's; a runner of other pictures does without
    import numpy as np

    width, height = size
    planes = []
    for number, to in enumerate((size, (width // 2, height // 2), (width // 2, height // 2))):
        halves = 1 if number == 0 else 2
        shape = (frame.height // halves, frame.width // halves)
        plane = np.frombuffer(frame.get_plane(number), np.uint8).reshape(shape)  # type: ignore[arg-type]
        planes.append(cv2.resize(plane, to, interpolation=cv2.INTER_LINEAR).tobytes())
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, b"".join(planes))


def _queue_ms(mode: ModeSettings) -> int:
    """How long frames may wait for their moment: the mode's output buffer, in whole tens as LiveKit's source of sound wants."""
    return min(LONGEST_QUEUE_MS, max(100, math.ceil(mode.output_buffer_size * mode.frame_budget_ms / 10) * 10))


def _video_options(mode: ModeSettings) -> rtc.TrackPublishOptions:
    return rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        video_codec=_CODECS[mode.codec],
        video_encoding=rtc.VideoEncoding(max_bitrate=mode.bitrate_kbps * 1000, max_framerate=mode.video_fps),
        simulcast=False,
    )
