"""A 1080p frame with TV, speech and caption: ours beside reference 002's pipeline by `sharp`, one after the other in turns.

`sharp` is fetched by npm for the measurement alone, into the state folder of the run (its libvips is LGPL: it is no part of
the product).
"""

import json
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.face_state import AT_REST, Mouth
from agent.avatars.builtin.scene.captions import Words
from benchmarks.compose import SENTENCE, composer_for, speak
from protocol.avatar import TvProgramme
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
SHARP: Final = "sharp@0.34.5"
PIPELINE: Final = Path(__file__).with_name("sharp_pipeline.mjs")
WIDTH, HEIGHT = 1920, 1080
TURNS: Final = 3
WARM_UP: Final = 5
STATES: Final = 8
LEAST_TIMES: Final = 5  # faster than sharp


def frames(stack: Stack, repetitions: int) -> list[Row]:
    """Repetitions times ten frames of ours, as many as repetitions of theirs, in turns."""
    cv2.setNumThreads(1)
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("sharp was not measured: Node.js with npm is not on PATH")
        return []
    folder = stack.home / "sharp"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", SHARP]
    installed = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if installed.returncode:
        print(f"sharp was not measured: npm could not fetch it ({installed.stderr.strip().splitlines()[-1:]})")
        return []
    words = Words()
    composer = composer_for(WIDTH, HEIGHT, words, TvProgramme.HARBOUR)
    _lay_out(composer, words, folder)
    ours_wall: list[float] = []
    ours_cpu: list[float] = []
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(TURNS):
        took = speak(composer, words, 10 * repetitions)
        ours_wall += took.wall_ms
        ours_cpu += took.cpu_ms
        command = [node, str(PIPELINE), str(folder), str(WARM_UP + repetitions)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        theirs = json.loads(done.stdout)
        wall += theirs["wall"][WARM_UP:]
        cpu += theirs["cpu"][WARM_UP:]
    composer.close()
    of_theirs = [100 * each / statistics.median(wall) for each in ours_wall]
    of_cpu = [100 * each / statistics.median(cpu) for each in ours_cpu]
    return [
        ("frame 1080p by sharp, JPEG ready", "ms", wall, None, "median"),
        ("frame 1080p: of sharp's time", "percent", of_theirs, 100 / LEAST_TIMES, "median"),
        ("the same, in processor time", "percent", of_cpu, 100 / LEAST_TIMES, "median"),
    ]


def _lay_out(composer: FrameComposer, words: Words, folder: Path) -> None:
    """The pictures that the other pipeline is given: whole frames of some mouths, pictures of the TV, captions."""
    rect = composer.tv_rect
    if rect is None:
        raise RuntimeError("the scene has no TV")
    screens = []
    for number in range(STATES):
        words.text = ""
        time.sleep(0.1)  # the TV goes on
        frame = _picture(composer, Mouth(number % 8, number % 5))
        cv2.imwrite(str(folder / f"state-{number}.jpg"), frame, [cv2.IMWRITE_JPEG_QUALITY, 90])
        screens.append(frame[rect.top : rect.bottom, rect.left : rect.right])
        cv2.imwrite(str(folder / f"tv-{number}.png"), screens[-1])
    said = SENTENCE.split()
    captions = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="1440" height="160"><rect width="1440" height="160" rx="16" '
        'fill="#0a0e10" fill-opacity="0.66"/><text x="720" y="95" text-anchor="middle" font-family="sans-serif" '
        f'font-size="46" fill="#fff">{" ".join(said[: 1 + number % 9])}</text></svg>'
        for number in range(STATES)
    ]
    layout = {
        "states": [f"state-{number}.jpg" for number in range(STATES)],
        "tv": [f"tv-{number}.png" for number in range(STATES)],
        "left": rect.left,
        "top": rect.top,
        "captions": captions,
        "captionLeft": 240,
        "captionTop": 880,
    }
    (folder / "frame.json").write_text(json.dumps(layout))


def _picture(composer: FrameComposer, mouth: Mouth) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    buffer = composer.compose(AT_REST._replace(mouth=mouth)).buffer
    planes = np.frombuffer(buffer, np.uint8).reshape(HEIGHT * 3 // 2, WIDTH)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)
