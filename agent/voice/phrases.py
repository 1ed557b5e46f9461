"""Sounds of short sentences, kept on the host so that each is spoken once: greetings, prompts, frequent answers."""

import contextlib
import hashlib
import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from agent.voice.utterance import Utterance
from agent.voice.visemes import Lips, Viseme

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 256 * 1024 * 1024  # some 5600 s of sound
LONGEST_TEXT: Final = 160  # characters: what is longer is hardly said twice
_PACKAGES: Final = " ".join(version(package) for package in ("hibari-tts", "espeakng-loader", "text2tashkeel"))
_REVISION: Final = 1  # of what we do with their sound
_VISEMES: Final = list(Viseme)


class PhraseCache:
    """One file a sentence in `folder`, named by what the sound depends on: voice, packages, text. Blocks for a millisecond."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, voice: str, text: str) -> Utterance | None:
        """The kept sound of a text; None where there is none, or it can't be read."""
        try:
            with np.load(self._file(voice, text), allow_pickle=False) as kept:
                sound, times, visemes = kept["sound"], kept["times"], kept["visemes"]
            if sound.dtype != np.int16 or sound.ndim != 1:
                return None
            track = tuple(
                Lips(float(start), float(end), _VISEMES[number])
                for (start, end), number in zip(times, visemes, strict=True)
            )
        except (OSError, ValueError, EOFError, KeyError, IndexError, BadZipFile):
            return None
        return Utterance(sound, track)

    def keep(self, voice: str, text: str, utterance: Utterance) -> None:
        """Keeps a sound; the oldest ones go. Nothing without sound is kept, and no long text."""
        if not utterance.sound.size or len(text) > LONGEST_TEXT:
            return
        times = np.array([(start, end) for start, end, _ in utterance.track], np.float32).reshape(-1, 2)
        visemes = np.array([_VISEMES.index(viseme) for _, _, viseme in utterance.track], np.uint8)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix="draft-", delete=False) as draft:
                np.savez(draft, sound=utterance.sound, times=times, visemes=visemes)
            Path(draft.name).replace(self._file(voice, text))
            self._thin_out()
        except OSError as error:  # a full disk, say: the sound is spoken anew next time
            logger.warning("a phrase could not be kept: %s", error)

    def _thin_out(self) -> None:
        kept = []
        for file in self._folder.glob("*.npz"):
            with contextlib.suppress(FileNotFoundError):  # another job was faster
                facts = file.stat()
                kept.append((facts.st_mtime, facts.st_size, file))
        left = MOST_BYTES
        for _, size, file in sorted(kept, reverse=True):
            left -= size
            if left < 0:
                file.unlink(missing_ok=True)

    def _file(self, voice: str, text: str) -> Path:
        name = hashlib.sha256(f"{_REVISION}\n{voice}\n{_PACKAGES}\n{text}".encode()).hexdigest()
        return self._folder / f"{name}.npz"
