"""Videos for the TV, made here."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def film(path: Path, times_s: Iterable[float], width: int = 64, height: int = 36, grey_step: int = 40) -> Path:
    """A silent video whose pictures get brighter by `grey_step`, at `times_s`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time_s in enumerate(times_s):
            grey = np.full((height, width, 3), 20 + number * grey_step % 220, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, "bgr24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sound_only(path: Path) -> Path:
    """A second of silence as a video file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
