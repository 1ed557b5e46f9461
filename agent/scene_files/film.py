"""Films for the TV: one that it can play stays as it is; a larger one is made smaller once, so that no session pays for it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from agent.avatars.builtin.drawing.i420 import Planes
from agent.avatars.builtin.scene.programme import ProgrammeError
from agent.avatars.builtin.scene.video import MOST_HEIGHT, MOST_WIDTH, FilmReader, Video, open_film
from agent.scene_files.refusals import RefusedFile
from protocol.scene_files import MOST_FILM_HEIGHT, MOST_FILM_S, MOST_FILM_WIDTH, PreparedFile

if TYPE_CHECKING:
    from av.container import OutputContainer

CANVAS: Final = (1280, 720)  # no TV shows more
FPS: Final = 30
_CODEC: Final = "libvpx"  # fast to write and cheap to play
_BITS_PER_S: Final = 1_800_000
_LOOK_S: Final = 2.0  # how much of a film is played to see that it plays


def prepare_film(source: Path, target: Path, name: str, progress: Callable[[float], None]) -> PreparedFile:
    """Check a film, and write `target` where it is too large for the TV. `progress` is told shares of 1.

    Raises `RefusedFile`.
    """
    try:
        width, height, duration_s = _measured(source, name)
        if width <= MOST_WIDTH and height <= MOST_HEIGHT:
            _try(source, name)
            return PreparedFile(width=width, height=height, duration_s=duration_s, is_source=True)
        shown_s = _shrink(source, target, name, lambda at_s: progress(min(at_s / duration_s, 1) if duration_s else 0))
    except ProgrammeError as error:
        raise RefusedFile(str(error).removeprefix(f"{name}: ")) from None
    return PreparedFile(width=CANVAS[0], height=CANVAS[1], duration_s=duration_s or shown_s)


def _measured(source: Path, name: str) -> tuple[int, int, float | None]:
    """Width, height, and seconds as far as the file says. Raises `ProgrammeError`, `RefusedFile`."""
    with open_film(source, name) as container:
        stream = container.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        duration_s = None if container.duration is None else container.duration / 1_000_000
    if max(width, height) > MOST_FILM_WIDTH or min(width, height) > MOST_FILM_HEIGHT:
        raise RefusedFile(
            f"The film is {width} by {height}, and {MOST_FILM_WIDTH} by {MOST_FILM_HEIGHT} is the most; export it smaller."
        )
    if min(width, height) < 2:
        raise RefusedFile("The film does not say how large its picture is; export it as MP4 or WebM.")
    if duration_s is not None and duration_s > MOST_FILM_S:
        raise RefusedFile(
            f"The film is {duration_s / 3600:.1f} hours long, and {MOST_FILM_S // 3600} are the most; cut it."
        )
    return width, height, duration_s


def _try(source: Path, name: str) -> None:
    """Play the first seconds as a TV does. Raises `ProgrammeError` where there is nothing to see."""
    for picture in Video(source, name).pictures((320, 180), 5, lambda _sentence: None):
        if picture.at_s >= _LOOK_S:
            return


def _shrink(source: Path, target: Path, name: str, progress: Callable[[float], None]) -> float:
    """Write the film on the TV's canvas, at most `FPS` pictures a second, without its sound; its length in seconds."""
    import av

    most = (max(MOST_FILM_WIDTH, MOST_FILM_HEIGHT),) * 2
    at_s, told_s, next_s, count = 0.0, 0.0, 0.0, 0
    with open_film(source, name) as film, av.open(str(target), "w", format="webm") as smaller:
        reader = FilmReader(film, CANVAS, FPS, name, lambda _sentence: None, most)
        encode = _encoder(smaller)
        for at_s, frame in reader.frames():
            if at_s > MOST_FILM_S:
                raise RefusedFile(f"The film is longer than {MOST_FILM_S // 3600} hours; cut it.")
            if at_s + 1e-3 < next_s:
                continue
            encode(reader.planes(frame), at_s)
            next_s = max(next_s + 1 / FPS, at_s)
            count += 1
            if at_s > told_s + 1:
                told_s = at_s
                progress(at_s)
        encode(None, at_s)
    if not count:
        raise ProgrammeError(f"{name}: no picture in it can be decoded; export it anew")
    return at_s


def _encoder(container: "OutputContainer") -> Callable[[Planes | None, float], None]:
    """Takes pictures with their times, None at the end."""
    import av

    milliseconds = Fraction(1, 1000)
    stream = container.add_stream(_CODEC, rate=FPS)
    stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *CANVAS, "yuv420p", _BITS_PER_S
    stream.time_base = stream.codec_context.time_base = milliseconds
    stream.codec_context.gop_size = 5 * FPS
    stream.codec_context.thread_count = 1
    stream.options = {"deadline": "realtime", "cpu-used": "16", "lag-in-frames": "0"}

    def encode(planes: Planes | None, at_s: float) -> None:
        frame = None
        if planes is not None:
            packed = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(CANVAS[1] * 3 // 2, CANVAS[0])
            frame = av.VideoFrame.from_ndarray(packed, "yuv420p")
            frame.pts, frame.time_base = round(at_s * 1000), milliseconds
        container.mux(stream.encode(frame))

    return encode
