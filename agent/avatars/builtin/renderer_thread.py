"""The one thread that draws: frames as they are asked for, and between them what will be needed later."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2

from agent.avatars.builtin.compose import ComposedFrame, Composer
from agent.avatars.builtin.face_state import AT_REST, FaceState
from agent.memory import hand_back_freed
from protocol.modes import LoadingMode

_MOST_THREADS = 4


class RendererThread:
    """Owns a composer: nothing else composes with it."""

    def __init__(self, make_composer: Callable[[], Composer], num_threads: int, loading_mode: LoadingMode) -> None:
        """`make_composer` is called in the thread. `num_threads` for OpenCV, whose setting is one for the process: 0 is one,
        -1 chooses by the host. `loading_mode`: what takes long is drawn before the first frame, between the first ones, or
        each when it is needed."""
        self._make_composer = make_composer
        self._num_threads = num_threads
        self._loading_mode = loading_mode
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="renderer")
        self._composer: Composer | None = None  # made by start
        self._between: Iterator[None] | None = None  # drawn between the first frames, once one is out
        self._closed = False

    async def start(self) -> ComposedFrame:
        """Reads the pictures; the first frame."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._start)

    def compose(self, state: FaceState) -> asyncio.Future[ComposedFrame]:
        """After `start`: the frame of `state`, in the order of the calls. Cancelling it before its turn saves the work."""
        return asyncio.get_running_loop().run_in_executor(self._executor, self._compose, state)

    def lively_fps(self) -> float | None:
        """How often the picture changes by itself while the face is quiet; None where it does not."""
        return None if self._composer is None else self._composer.lively_fps()

    async def aclose(self) -> None:
        """Returns once the thread has ended."""
        self._closed = True
        await asyncio.to_thread(self._close)

    def _start(self) -> ComposedFrame:
        cv2.setNumThreads({0: 1, -1: min(os.cpu_count() or 1, _MOST_THREADS)}.get(self._num_threads, self._num_threads))
        self._composer = self._make_composer()
        first = self._composer.compose(AT_REST)
        match self._loading_mode:
            case LoadingMode.SYNC:
                for _ in self._composer.warm_up():
                    if self._closed:
                        break
                hand_back_freed()
            case LoadingMode.ASYNC:
                self._between = self._composer.warm_up()
            case LoadingMode.ON_DEMAND:
                hand_back_freed()
        return first

    def _compose(self, state: FaceState) -> ComposedFrame:
        if self._composer is None:
            raise RuntimeError("the renderer is not started")
        if self._between is not None:
            self._go_on(self._between)
            self._between = None
        return self._composer.compose(state)

    def _close(self) -> None:
        self._executor.shutdown(cancel_futures=True)
        if self._composer is not None:
            self._composer.close()

    def _go_on(self, steps: Iterator[None]) -> None:
        """Queue one step of the warm-up behind the frames that are asked for by then; it queues the next."""

        def step() -> None:
            if next(steps, False) is None:
                self._go_on(steps)
            else:
                hand_back_freed()

        if not self._closed:
            self._executor.submit(step)
