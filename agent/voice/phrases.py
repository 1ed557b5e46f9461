"""Sounds of texts that are said at every start, kept on the host so that each is spoken once."""

import contextlib
import hashlib
import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from agent.voice.hibari_voice import VOICE
from agent.voice.speech import PreparedSpeech

logger = logging.getLogger(__name__)

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
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix="draft-", delete=False) as draft:
                np.save(draft, speech.sound)
            Path(draft.name).replace(self._file(speech.text))
            self._thin_out()
        except OSError as error:  # a full disk, say: the sound is spoken anew next time
            logger.warning("a phrase could not be kept: %s", error)

    def _thin_out(self) -> None:
        ages = {}
        for kept in self._folder.glob("*.npy"):
            with contextlib.suppress(FileNotFoundError):  # another job was faster
                ages[kept] = kept.stat().st_mtime
        for old in sorted(ages, key=lambda kept: ages[kept], reverse=True)[MOST_KEPT:]:
            old.unlink(missing_ok=True)

    def _file(self, text: str) -> Path:
        name = hashlib.sha256(f"{VOICE}\n{version('hibari-tts')}\n{text}".encode()).hexdigest()
        return self._folder / f"{name}.npy"
