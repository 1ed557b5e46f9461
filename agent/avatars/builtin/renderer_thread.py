"""The one thread that draws: frames as they are asked for, and between them what will be needed later."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2

from agent.avatars.builtin.compose import ComposedFrame, FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace
from agent.avatars.builtin.face_state import AT_REST, FaceState
from agent.avatars.builtin.presenters import Presenter

_MOST_THREADS = 4


class RendererThread:
    """Owns a face and its composer; nothing else touches them."""

    def __init__(self, presenter: Presenter, width: int, height: int, num_threads: int) -> None:
        """`num_threads` for OpenCV, whose setting is one for the process: 0 is one, -1 chooses by the host."""
        self._presenter = presenter
        self._size = (width, height)
        self._num_threads = num_threads
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="renderer")
        self._composer: FrameComposer  # made by start
        self._closed = False

    async def start(self) -> ComposedFrame:
        """Reads the picture; the first frame. The rest is drawn ahead afterwards."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._start)

    def compose(self, state: FaceState) -> asyncio.Future[ComposedFrame]:
        """After `start`: the frame of `state`, in the order of the calls. Cancelling it before its turn saves the work."""
        return asyncio.get_running_loop().run_in_executor(self._executor, self._compose, state)

    async def aclose(self) -> None:
        """Returns once the thread has ended."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    def _start(self) -> ComposedFrame:
        cv2.setNumThreads({0: 1, -1: min(os.cpu_count() or 1, _MOST_THREADS)}.get(self._num_threads, self._num_threads))
        face = DrawnFace(self._presenter, *self._size)
        self._composer = FrameComposer(face)
        first = self._composer.compose(AT_REST)
        self._go_on(face.warm_up())
        return first

    def _compose(self, state: FaceState) -> ComposedFrame:
        return self._composer.compose(state)

    def _go_on(self, steps: Iterator[None]) -> None:
        """Queue one step of the warm-up behind the frames that are asked for by then; it queues the next."""

        def step() -> None:
            if next(steps, False) is None:
                self._go_on(steps)

        if not self._closed:
            self._executor.submit(step)
