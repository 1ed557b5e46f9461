"""LiveKit plugins in place of local parts."""

import pytest
from livekit.agents import tts

from agent.environment import InvalidEnvironment
from agent.voice.plugins import Part, replacement


class Loud(tts.TTS[None]):
    """A vendor's."""

    def __init__(self, *, voice: str = "plain") -> None:
        if voice == "nobody":
            raise ValueError("no such voice")
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=16_000, num_channels=1)
        self.voice = voice

    def synthesize(self, text: str, **_: object) -> tts.ChunkedStream:
        raise NotImplementedError


def test_nothing_is_replaced_without_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(Part.TTS, raising=False)
    assert replacement(Part.TTS) is None


def test_a_named_class_is_made_with_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATARY_TTS", "tests.agent.test_plugins:Loud")
    monkeypatch.setenv("AVATARY_TTS_OPTIONS", '{"voice": "shouting"}')
    assert replacement(Part.TTS).voice == "shouting"


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("livekit.plugins.nowhere:TTS", "{}", "AVATARY_TTS=livekit.plugins.nowhere:TTS: No module named"),
        ("tests.agent.test_plugins:Quiet", "{}", "has no attribute 'Quiet'"),
        ("tests.agent.test_plugins", "{}", "Name it as module:class"),
        ("agent.voice.voices:LocalVoice", "{}", "it is no livekit.agents.tts.tts.TTS"),
        ("tests.agent.test_plugins:Loud", "{voice}", "AVATARY_TTS_OPTIONS is no JSON"),
        ("tests.agent.test_plugins:Loud", "[1]", "is no JSON object"),
        ("tests.agent.test_plugins:Loud", '{"voice": "nobody"}', "no such voice"),
    ],
)
def test_what_is_wrong_with_a_variable_is_said(
    path: str, options: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATARY_TTS", path)
    monkeypatch.setenv("AVATARY_TTS_OPTIONS", options)
    with pytest.raises(InvalidEnvironment, match=said.replace("(", r"\(")):
        replacement(Part.TTS)
