"""Kept sounds."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from agent.voice import phrases
from agent.voice.phrases import PhraseCache
from agent.voice.speech import PreparedSpeech


def speech(text: str, *, voiced: bool = True) -> PreparedSpeech:
    return PreparedSpeech(text, np.arange(480, dtype=np.int16), voiced=voiced)


def test_a_kept_phrase_is_found_again_sample_for_sample(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path / "phrases")
    assert cache.find("Hello.") is None
    cache.keep(speech("Hello."))
    found = cache.find("Hello.")
    assert found is not None
    assert np.array_equal(found.sound, speech("Hello.").sound)
    assert cache.find("Goodbye.") is None


def test_a_broken_file_is_as_good_as_none(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    cache.keep(speech("Hello."))
    (file,) = tmp_path.glob("*.npy")
    file.write_bytes(file.read_bytes()[:20])
    assert cache.find("Hello.") is None


def test_silence_for_a_text_that_the_voice_cannot_read_is_not_kept(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    cache.keep(speech("مرحبا", voiced=False))
    assert cache.find("مرحبا") is None


def test_the_oldest_phrases_go(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    for age in range(phrases.MOST_KEPT + 3):
        cache.keep(speech(f"text {age}"))
        newest = max(tmp_path.glob("*.npy"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (age, age))
    assert len(list(tmp_path.glob("*.npy"))) == phrases.MOST_KEPT
    assert cache.find("text 0") is None
    assert cache.find(f"text {phrases.MOST_KEPT + 2}") is not None


def test_many_jobs_may_keep_phrases_at_once(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    with ThreadPoolExecutor(8) as jobs:
        list(jobs.map(lambda number: cache.keep(speech(f"text {number % 5}")), range(200)))
    assert len(list(tmp_path.iterdir())) == 5


def test_a_phrase_that_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = PhraseCache(tmp_path / "file" / "phrases")
    cache.keep(speech("Hello."))
    assert cache.find("Hello.") is None
