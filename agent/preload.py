"""Imported once by the forkserver: every job process shares what is loaded here (copy on write).

Nothing here may start a thread that holds a lock or an event loop.
"""

import gc


def _load() -> None:
    import cv2

    import agent.avatars.builtin_avatar
    import agent.job  # noqa: F401
    from agent.voice import hibari_voice

    cv2.setNumThreads(1)  # forked children start without OpenCV's threads
    hibari_voice.load()


gc.disable()  # nothing that is loaded here becomes garbage; looking for it takes a third of a second
_load()
gc.enable()
