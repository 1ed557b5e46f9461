"""Imported once by the forkserver: every job process shares what is loaded here (copy on write).

Nothing here may start a thread that holds a lock or an event loop.
"""

import cv2

import agent.avatars.builtin_avatar
import agent.job  # noqa: F401
from agent.voice import hibari_voice

cv2.setNumThreads(1)  # forked children start without OpenCV's threads
hibari_voice.load()
