"""A video file on the TV: decoded as it is played, over what is damaged, from the start again at its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from agent.avatars.builtin.drawing.i420 import Planes, planes_of
from agent.avatars.builtin.scene.programme import Canvas, ProgrammeError, Timed, Warn, fitted, on_canvas

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

MOST_WIDTH: Final = 1920
MOST_HEIGHT: Final = 1088
_MOST_BAD_PACKETS: Final = 100  # in a row
_LONGEST_LAST_S: Final = 1.0  # how long the last picture stands before the first comes again
_LONGEST_STEP_S: Final = 30.0  # between two pictures; a clock that jumps further is broken
# What people make videos in; playlists, which name other files and addresses, are not among them.
_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,ogg,flv,asf,gif,mp3,wav,flac,aac"
)


@dataclass(frozen=True)
class Video:
    """A video file, without its sound. `name` is what its owner calls it, where that is not the file's own."""

    path: Path
    name: str = ""

    def pictures(self, canvas: Canvas, fps: float, warn: Warn) -> Iterator[Timed]:
        name = self.name or self.path.name
        with open_film(self.path, name) as container:
            reader = FilmReader(container, canvas, fps, name, warn)
            begins_s = 0.0
            while True:
                count, at_s, step_s = 0, 0.0, reader.interval_s
                next_tick_s = begins_s
                for time_s, frame in reader.frames():
                    if count:
                        step_s = time_s - at_s
                    at_s = time_s
                    count += 1
                    if begins_s + at_s + 1e-3 >= next_tick_s:
                        yield Timed(reader.planes(frame), begins_s + at_s)
                        next_tick_s = max(next_tick_s + 1 / fps, begins_s + at_s)
                if count == 0:
                    again = "again " if begins_s else ""
                    raise ProgrammeError(f"{name}: no picture in it can be decoded {again}; export it anew")
                if count == 1:
                    return
                begins_s += at_s + min(step_s, _LONGEST_LAST_S)
                reader.rewind()


def open_film(path: Path, name: str) -> "InputContainer":
    """A film that has a picture in it. Raises `ProgrammeError`."""
    import av  # several megabytes, which only a TV with a video needs

    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        container = av.open(str(path), container_options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ProgrammeError(
            f"{name}: this is no video that can be read ({_plain(error)}); export it as MP4 or WebM"
        ) from None
    video, sound = container.streams.video, container.streams.audio
    if video and video[0].codec_context is not None:
        return container
    container.close()
    if video:
        raise ProgrammeError(
            f"{name}: its pictures are packed in a way that is not known here; export it as MP4 or WebM"
        )
    if sound:
        raise ProgrammeError(f"{name}: there is no picture in it, only sound; choose a video")
    raise ProgrammeError(f"{name}: there is nothing in it that can be played; export it as MP4 or WebM")


class FilmReader:
    """One video stream of an open file, on a canvas at most `fps` times a second. `most` is the largest picture it takes."""

    def __init__(
        self,
        container: "InputContainer",
        canvas: Canvas,
        fps: float,
        name: str,
        warn: Warn,
        most: tuple[int, int] = (MOST_WIDTH, MOST_HEIGHT),
    ) -> None:
        self._container, self._stream = container, container.streams.video[0]
        self._canvas, self._name, self._warn = canvas, name, warn
        self._told = False
        self._most = most
        rate = self._stream.average_rate
        self.interval_s = float(1 / rate) if rate and rate > 0 else 1 / 25
        codec = self._stream.codec_context
        codec.thread_count = 1  # the cores belong to the conversation
        if rate and rate >= 2 * fps:
            codec.skip_frame = "NONREF"

    def frames(self) -> Iterator[tuple[float, "VideoFrame"]]:
        """Frames to the end of the file, with their time from the first one. Raises `ProgrammeError`."""
        import av

        bad = 0
        first_s: float | None = None
        last_s = -self.interval_s
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                decoded = [] if packet is None else packet.decode()
            except (av.FFmpegError, ValueError) as error:
                self._tell(error)
                bad += 1
                if bad >= _MOST_BAD_PACKETS or isinstance(error, av.error.EOFError):
                    return
                continue
            if packet is None:
                return
            for frame in decoded:
                bad = 0
                self._check(frame)
                time_s = frame.time
                if time_s is not None and first_s is None:
                    first_s = time_s
                at_s = last_s + self.interval_s if time_s is None or first_s is None else time_s - first_s
                if not last_s < at_s < last_s + _LONGEST_STEP_S:
                    first_s = None if time_s is None else time_s - last_s - self.interval_s
                    at_s = last_s + self.interval_s
                last_s = at_s
                yield at_s, frame

    def planes(self, frame: "VideoFrame") -> Planes:
        """A frame as the screen takes it."""
        aspect = self._stream.sample_aspect_ratio
        width = frame.width * (float(aspect) if aspect and 0.1 < aspect < 10 else 1.0)
        turns = round(frame.rotation / 90) % 4
        if turns % 2:
            down, across = fitted(frame.height, width, self._canvas)
        else:
            across, down = fitted(width, frame.height, self._canvas)
        from av.video.reformatter import ColorRange, Colorspace, Interpolation

        small = frame.reformat(
            across,
            down,
            "yuv420p",
            interpolation=Interpolation.AREA if across < frame.width else Interpolation.BILINEAR,
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
        )
        planes = planes_of(np.ascontiguousarray(small.to_ndarray(), np.uint8).reshape(-1), across, down)
        if turns:
            planes = Planes(*(np.ascontiguousarray(np.rot90(plane, turns)) for plane in planes))
        return on_canvas(planes, self._canvas)

    def rewind(self) -> None:
        """Back to the first picture. Raises `ProgrammeError` where the file does not allow it."""
        import av

        try:
            self._container.seek(0)
            self._stream.codec_context.flush_buffers()
        except (av.FFmpegError, OSError) as error:
            raise ProgrammeError(
                f"{self._name}: it cannot be played again from its start ({_plain(error)}), its last picture stays; "
                "export it as MP4 or WebM"
            ) from None

    def _check(self, frame: "VideoFrame") -> None:
        if frame.width > self._most[0] or frame.height > self._most[1]:
            raise ProgrammeError(
                f"{self._name}: the video is {frame.width} by {frame.height}, and the TV plays up to {self._most[0]} by "
                f"{self._most[1]}: its first picture stays; export it smaller",
                self.planes(frame),
            )

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            self._warn(f"{self._name}: parts of it are damaged and left out ({_plain(error)}); export it anew")


def _plain(error: Exception) -> str:
    """The error without its number and file name."""
    words = getattr(error, "strerror", None) or str(error)
    return str(words).strip().rstrip(".").lower()
