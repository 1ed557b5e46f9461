"""The host's shared model process, with the real turn detector."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.kernel import read_stat
from agent.models import Message, ModelError, ModelsAway, client, infer, load
from agent.models.plausible import plausible
from agent.models.speech_to_text import spoken_language
from agent.models.supervisor import ModelSupervisor
from agent.models.whisper_files import configured_folder
from tests.agent.conftest import ROOT, eventually

SILENCE = Message({}, bytes(2 * 16_000))


@pytest.fixture
async def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelSupervisor]:
    monkeypatch.setenv("AVATARY_HOME", str(tmp_path))
    supervisor = ModelSupervisor(HostEnvironment.read().models_socket)
    running = asyncio.create_task(supervisor.run())
    await eventually(HostEnvironment.read().models_socket.exists, "the socket is there")
    yield supervisor
    await client.aclose()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_the_process_starts_with_the_first_question_and_loads_a_model_once(models: ModelSupervisor) -> None:
    assert models.pid is None
    assert (await load("turn_end"))["loaded"] is False
    assert models.pid is not None
    assert (await load("turn_end"))["loaded"] is True
    assert 0 <= (await infer("turn_end", SILENCE)).fields["ended"] <= 1


async def test_a_question_that_meets_a_dying_process_is_answered_by_the_next_one(models: ModelSupervisor) -> None:
    await load("turn_end")
    first = models.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert "ended" in (await infer("turn_end", SILENCE)).fields
    assert models.pid != first


async def test_what_a_model_cannot_use_is_an_error_with_a_sentence_and_others_go_on(models: ModelSupervisor) -> None:
    with pytest.raises(ModelError, match="no model 'nobody'"):
        await infer("nobody", SILENCE)
    with pytest.raises(ModelError, match="multiple of element size"):
        await infer("turn_end", Message({}, b"odd"))
    assert "ended" in (await infer("turn_end", SILENCE)).fields


async def test_without_a_worker_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATARY_HOME", str(tmp_path))
    with pytest.raises(ModelsAway, match=r"models\.sock"):
        await load("turn_end")
    await client.aclose()


async def test_the_process_ends_with_its_owner_however_that_ends(tmp_path: Path) -> None:
    owner = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", _OWNER],
        env={**os.environ, "AVATARY_HOME": str(tmp_path)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    pid = int(await asyncio.to_thread(owner.stdout.readline))
    assert read_stat(pid) is not None
    owner.kill()
    owner.wait()
    await eventually(lambda: (stat := read_stat(pid)) is None or stat.gone, "the model process is gone")


_OWNER = """
import asyncio
from agent.environment import HostEnvironment
from agent.models import load
from agent.models.speech_to_text import spoken_language
from agent.models.supervisor import ModelSupervisor

async def main():
    models = ModelSupervisor(HostEnvironment.read().models_socket)
    running = asyncio.create_task(models.run())
    await asyncio.sleep(0)
    await load("turn_end")
    print(models.pid, flush=True)
    await running

asyncio.run(main())
"""


def test_a_configured_model_that_is_not_there_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATARY_HOME", str(tmp_path))
    monkeypatch.setenv("AVATARY_WHISPER_MODEL", "large")
    with pytest.raises(InvalidEnvironment, match=r"AVATARY_WHISPER_MODEL is 'large'.*CTranslate2"):
        configured_folder(HostEnvironment.read())
    (tmp_path / "models" / "large").mkdir(parents=True)
    (tmp_path / "models" / "large" / "model.bin").touch()
    assert configured_folder(HostEnvironment.read()) == tmp_path / "models" / "large"


@pytest.mark.parametrize(
    ("heard", "believed"),
    [
        ("Is there a cafe here? Is there a café here? Is", "Is there a cafe here?"),
        ("Where is it? Where is it? Where", "Where is it?"),
        ("no no no no no no", "no"),
        ("[Music]", ""),
        ("♪ ♪", ""),
        ("...", ""),
        ("h.", ""),
        ("h-h-h-t-", ""),
        ("The X-ray room", "The X-ray room"),
        ("2", "2"),
        ("متى يفتح المتحف؟", "متى يفتح المتحف؟"),
    ],
)
def test_repeats_and_noises_are_not_part_of_what_was_said(heard: str, believed: str) -> None:
    assert plausible(heard, -0.2, 0.1, "en") == believed


def test_what_films_end_with_is_believed_only_when_it_was_clearly_said() -> None:
    assert plausible("Thank you.", -0.2, 0.1, "en") == "Thank you."
    assert plausible("Thank you.", -0.7, 0.1, "en") == ""
    assert plausible("Thank you.", -0.2, 0.8, "en") == ""


@pytest.mark.parametrize(
    ("likeliest", "english", "arabic", "language"),
    [
        ("ar", 0.58, 0.01, "ar"),  # what the base model makes of “متى يفتح المتحف؟” in a synthesised voice
        ("ar", 0.83, 0.02, "en"),  # and of “Hello!”
        ("ar", 0.10, 0.50, "ar"),
        ("en", 0.30, 0.20, "en"),
        ("en", 0.05, 0.60, "ar"),
    ],
)
def test_arabic_that_is_hardly_known_does_not_pass_for_english(
    likeliest: str, english: float, arabic: float, language: str
) -> None:
    other = "en" if likeliest == "ar" else "ar"
    assert spoken_language({"en": english, "ar": arabic, "ja": 0.1}, [likeliest, other]) == language
