"""Sounds of texts that are said at every start, kept on the host so that each is spoken once."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from agent.voice.hibari_voice import VOICE
from agent.voice.speech import PreparedSpeech

MOST_KEPT: Final = 100


class PhraseCache:
    """One file a text in `folder`, named by what the sound depends on: voice, its package's version, text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, text: str) -> PreparedSpeech | None:
        """The kept sound of a text; None where there is none, or it can't be read."""
        try:
            sound = np.load(self._file(text), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return PreparedSpeech(text, sound, voiced=True) if sound.dtype == np.int16 and sound.ndim == 1 else None

    def keep(self, speech: PreparedSpeech) -> None:
        """Keeps a sound; the oldest ones go. A text that the voice could not read is not kept."""
        if not speech.voiced:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(speech.text)
        draft = file.with_suffix(".new.npy")
        np.save(draft, speech.sound)
        draft.replace(file)
        by_age = sorted(self._folder.glob("*.npy"), key=lambda kept: kept.stat().st_mtime, reverse=True)
        for old in by_age[MOST_KEPT:]:
            old.unlink(missing_ok=True)

    def _file(self, text: str) -> Path:
        name = hashlib.sha256(f"{VOICE}\n{version('hibari-tts')}\n{text}".encode()).hexdigest()
        return self._folder / f"{name}.npy"
