"""Kept sounds."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from agent.voice import phrases
from agent.voice.phrases import PhraseCache
from agent.voice.utterance import Utterance
from agent.voice.visemes import Lips, Viseme

SPEECH = Utterance(np.arange(480, dtype=np.int16), (Lips(0.0, 0.01, Viseme.LIPS), Lips(0.01, 0.02, Viseme.A)))


def test_a_kept_phrase_is_found_again_sample_for_sample(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path / "phrases")
    assert cache.find("heart", "Hello.") is None
    cache.keep("heart", "Hello.", SPEECH)
    found = cache.find("heart", "Hello.")
    assert found is not None
    assert np.array_equal(found.sound, SPEECH.sound)
    assert [lips.viseme for lips in found.track] == [Viseme.LIPS, Viseme.A]
    assert [lips.end_s for lips in found.track] == pytest.approx([0.01, 0.02])
    assert cache.find("heart", "Goodbye.") is None
    assert cache.find("other", "Hello.") is None


def test_a_broken_file_is_as_good_as_none(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    for length in (0, 20, 300):
        cache.keep("heart", "Hello.", SPEECH)
        (file,) = tmp_path.glob("*.npz")
        file.write_bytes(file.read_bytes()[:length])
        assert cache.find("heart", "Hello.") is None


def test_neither_silence_nor_a_long_text_is_kept(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    cache.keep("heart", "欢迎", Utterance(np.zeros(0, np.int16)))
    cache.keep("heart", "a" * (phrases.LONGEST_TEXT + 1), SPEECH)
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_phrases_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PhraseCache(tmp_path)
    cache.keep("heart", "text 0", SPEECH)
    (file,) = tmp_path.glob("*.npz")
    os.utime(file, (0, 0))
    monkeypatch.setattr(phrases, "MOST_BYTES", 10 * file.stat().st_size)
    for age in range(1, 13):
        cache.keep("heart", f"text {age}", SPEECH)
        newest = max(tmp_path.glob("*.npz"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (age, age))
    assert len(list(tmp_path.glob("*.npz"))) == 10
    assert cache.find("heart", "text 0") is None
    assert cache.find("heart", "text 12") is not None


def test_many_jobs_may_keep_phrases_at_once(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    with ThreadPoolExecutor(8) as jobs:
        list(jobs.map(lambda number: cache.keep("heart", f"text {number % 5}", SPEECH), range(200)))
    assert len(list(tmp_path.iterdir())) == 5


def test_a_phrase_that_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = PhraseCache(tmp_path / "file" / "phrases")
    cache.keep("heart", "Hello.", SPEECH)
    assert cache.find("heart", "Hello.") is None
