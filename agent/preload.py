"""Imported once by the worker, which the forkserver is forked from: every job process shares what is loaded here (copy on write).

No thread, no event loop and no lock that is held may be left behind.
"""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor


def _load() -> None:
    from agent.voice import hibari_voice

    with ThreadPoolExecutor(1) as beside:  # the voice is read in C++, the rest is Python
        voice = beside.submit(hibari_voice.load)
        import cv2
        import numpy.ma  # noqa: F401 (by numpy's median)
        import PIL.ImageOps
        import PIL.JpegImagePlugin  # noqa: F401 (by the first picture that is drawn)
        from livekit.agents.llm import ChatMessage
        from livekit.agents.utils.http_context import _create_ssl_context
        from livekit.rtc._ffi_client import get_ffi_lib

        import agent.avatars.builtin_avatar
        import agent.job.dispatches  # noqa: F401

        get_ffi_lib()
        _create_ssl_context()  # kept by that module: it reads all of the system's certificates, 40 ms of every start
        ChatMessage.model_rebuild()  # pydantic leaves it to its first use
        voice.result()
    cv2.setNumThreads(1)  # forked children start without OpenCV's threads


gc.disable()  # nothing that is loaded here becomes garbage; looking for it takes a third of a second
_load()
gc.freeze()
gc.enable()

# LiveKit has a warm-up of its own, which every job process runs that was not forked with it: besides what is loaded above
# it imports all of OpenAI's client, half a second that only a plugin of OpenAI's needs.
sys.modules["livekit.agents.ipc._preload"] = sys.modules[__name__]
