"""What `python -m agent understand` makes ahead of the first question."""

import hashlib
from pathlib import Path

import pytest

from agent.assets import AssetStore
from agent.environment import HostEnvironment
from agent.programs.answer import understand
from agent.voice.phrases import PhraseCache
from agent.voice.voices import LocalVoice
from protocol.knowledge import Knowledge, Pair
from protocol.voices import HEART


def test_the_beginning_of_each_answer_is_in_the_phrase_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATARY_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # set, and put back
    monkeypatch.setattr("os.nice", lambda _: 0)  # it would stay with the test run
    pairs = [
        Pair(id="en", group="g", language="en", question="When do you open?", answer="At ten. Come early."),
        Pair(id="ar", group="g", language="ar", question="متى تفتحون؟", answer="في العاشرة. تعالوا مبكرًا."),
    ]
    knowledge = Knowledge(pairs=pairs).model_dump_json().encode()
    sha256 = hashlib.sha256(knowledge).hexdigest()
    file = AssetStore(tmp_path).path(sha256)
    file.parent.mkdir(parents=True)
    file.write_bytes(knowledge)
    assert understand(HostEnvironment.read(), [sha256], [HEART, "of a vendor"]) == {"understood": 1, "rehearsed": 2}
    voice = LocalVoice(HEART, PhraseCache(tmp_path / "cache" / "phrases"))
    assert [voice.kept(text) for text in ("At ten.", "في العاشرة.", "Come early.")] == [True, True, False]
