"""Hosted avatars in a job's hands: the vendors' own plugins, stand-ins in place of the vendors, a real LiveKit server."""

import asyncio
import contextlib
import hashlib
import io
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import AgentSession
from livekit.agents.job import _JobContextVar
from PIL import Image

from agent.avatars import AvatarLostError, bithuman, bithuman_local, hosted, keeper
from agent.avatars.keeper import FaceKeeper
from agent.avatars.shown import Choice
from protocol.assets import AssetRef, asset_path_parts
from protocol.control import FACE_ATTRIBUTE, Face
from protocol.jobspec import ProfileSpec
from protocol.modes import BUILT_IN_MODES, ModeSettings
from protocol.providers import LossCode
from tests.agent.conftest import eventually, make_spec
from tests.agent.conversing import Events
from tests.agent.visitor import Visitor
from tests.services import LiveKit
from tests.standin_server import StandInServer, standins
from tests.standins.conftest import AGENT, AVATAR, FACE, PAL, Job

__all__ = ["standins"]

SETTINGS: dict[str, dict[str, Any]] = {
    "bithuman": {"avatar_id": AGENT},
    "tavus": {"pal_id": PAL, "face_id": FACE},
    "bey": {"avatar_id": AVATAR},
    "builtin": {},
    "gone": {},
    "test-card": {"quality": "low"},
}
PATIENCE = {"timeout_s": 30.0, "retries": 1, "retry_interval_s": 0.2}
RATE = 24_000


@dataclass
class Kept:
    """A face that is kept before a visitor."""

    keeper: FaceKeeper
    session: AgentSession[None]
    room: rtc.Room
    visitor: Visitor
    events: Events
    standins: StandInServer
    broken: asyncio.Task[str]

    async def say(self, seconds: float) -> Any:
        """Returns when it was played."""
        output = self.session.output.audio
        assert output is not None
        time_s = np.arange(RATE // 10) / RATE
        tone = (9_000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16)
        for _ in range(round(seconds * 10)):
            await output.capture_frame(rtc.AudioFrame(tone.tobytes(), RATE, 1, len(tone)))
        output.flush()
        return await asyncio.wait_for(output.wait_for_playout(), seconds + 15)

    async def told(self, kind: str, number: int = 1) -> Any:
        """The last event of a kind, once there are so many."""
        await eventually(lambda: len(self.events.of(kind)) >= number, kind)
        return self.events.of(kind)[-1]

    @property
    def face(self) -> str:
        agent = self.visitor.room.remote_participants["agent"]
        return agent.attributes.get(FACE_ATTRIBUTE, "")

    @property
    def workers(self) -> list[rtc.RemoteParticipant]:
        """Avatars that are in the room as participants of their own."""
        people = self.visitor.room.remote_participants.values()
        return [one for one in people if one.attributes.get("lk.publish_on_behalf")]

    def conversations(self, vendor: str) -> list[dict[str, Any]]:
        return [one for one in self.standins.seen(vendor)["conversations"] if one["room"] == self.room.name]


Keep = Callable[..., Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: pictures that are made ready once."""
    return tmp_path_factory.mktemp("hosted")


@pytest.fixture
async def keep(
    livekit: LiveKit, standins: StandInServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Keep]:
    """Starts a profile with this provider in a room with one visitor, and watches over it."""
    for name, value in {**livekit.environment, **standins.environment, "AVATARY_HOME": str(home)}.items():
        monkeypatch.setenv(name, value)
    async with contextlib.AsyncExitStack() as stack:

        async def start(provider: str, files: Sequence[AssetRef] = (), **profile: Any) -> Kept:
            mode = BUILT_IN_MODES["constrained"].model_copy(update=PATIENCE)
            spec = make_spec("atlas", mode=mode, scene_files=list(files))
            fields = spec.profile.model_dump() | {"provider_settings": SETTINGS[provider], "other_settings": SETTINGS}
            spec = spec.model_copy(update={"profile": ProfileSpec(**{**fields, "provider": provider, **profile})})
            room, session, events, visitor = rtc.Room(), AgentSession[None](), Events(), Visitor(livekit, spec.room)
            grants = api.VideoGrants(room_join=True, room=spec.room, agent=True, can_update_own_metadata=True)
            token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity("agent").with_kind("agent")
            livekit_api = await stack.enter_async_context(
                api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret)
            )
            _JobContextVar.set(cast(Any, Job("agent", livekit_api)))
            await room.connect(livekit.url, token.with_grants(grants).to_jwt())
            stack.push_async_callback(room.disconnect)
            await visitor.join()
            stack.push_async_callback(visitor.leave)
            keeper = FaceKeeper(room, session, spec, on_frame=lambda _: None, warn=lambda _: None, emit=events.emit)
            stack.push_async_callback(keeper.aclose)
            await keeper.start(_connected)
            broken = asyncio.create_task(keeper.broken())
            stack.callback(broken.cancel)
            return Kept(keeper, session, room, visitor, events, standins, broken)

        yield start


async def _connected() -> None:
    """The room is joined before the avatar starts."""


@pytest.fixture(autouse=True)
def _normal_again(standins: StandInServer) -> Iterator[None]:
    yield
    for vendor in ("bithuman", "tavus", "bey"):
        standins.behave(vendor)


@pytest.mark.parametrize("provider", ["bithuman", "tavus", "bey"])
async def test_a_hosted_avatar_speaks_tells_no_secret_and_leaves_nothing_behind(
    keep: Keep, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    monkeypatch.setattr(hosted, "_PICTURE_WITHIN_S", 30)  # however slow this machine is
    kept = await keep(provider)
    kept.keeper.doubt()
    finished = await kept.say(1.0)
    assert not finished.interrupted
    assert finished.playback_position == pytest.approx(1.0, abs=0.05)
    await eventually(lambda: kept.visitor.heard_s > 0.6, "the sound")
    avatar = cast(Any, kept.keeper._shown.avatar)
    await avatar._doubting
    assert (kept.face, avatar._gone.done()) == (Face.MOVING, False)
    assert [event.change for event in kept.events.of("provider_conversation")] == ["opened"]
    came, said = kept.events.of("provider_measured")
    assert (came.provider, came.voice_delay_ms) == (provider, None)
    assert 0 < came.answered_ms < came.joined_ms
    assert said.voice_delay_ms > 0

    everybody = [*kept.visitor.room.remote_participants.values(), kept.visitor.room.local_participant]
    told = json.dumps([[one.identity, one.name, one.metadata, dict(one.attributes)] for one in everybody])
    assert len(kept.workers) == 1
    secrets = [value for name, value in kept.standins.environment.items() if not name.endswith("_URL")]
    assert not [secret for secret in [*secrets, os.environ["LIVEKIT_API_SECRET"]] if secret in told]

    await kept.keeper.aclose()
    await eventually(lambda: not kept.workers, "the avatar leaves")
    await eventually(lambda: not kept.conversations(provider)[-1]["open"], "nothing is billed any more")
    opened, ended = kept.events.of("provider_conversation")
    assert (ended.change, ended.conversation) == ("ended", opened.conversation)
    assert bool(opened.conversation) == (provider == "tavus")


async def test_when_it_dies_in_mid_sentence_the_voice_goes_on_with_the_still_until_it_is_back(keep: Keep) -> None:
    kept = await keep("bey")
    avatar = kept.workers[0].identity
    shown = kept.keeper._shown
    await eventually(lambda: shown._seen, "a picture of it is kept for the still")
    assert len(shown._seen or b"") == 640 * 360 * 3 // 2
    saying = asyncio.create_task(kept.say(4.0))
    await eventually(lambda: kept.visitor.heard_s > 0.5, "the sound")
    await cast(Any, _JobContextVar.get()).api.room.remove_participant(
        api.RoomParticipantIdentity(room=kept.room.name, identity=avatar)
    )
    lost, over = await kept.told("avatar_lost"), await kept.told("avatar_taken_over")
    assert (lost.provider, lost.code, lost.tries, lost.again_in_s) == ("bey", "left", 1, 0.2)
    assert over.provider == "still"
    finished = await saying
    assert not finished.interrupted
    assert finished.playback_position == pytest.approx(4.0, abs=0.05)
    await kept.told("avatar_back")
    assert [one.identity for one in kept.workers] != [avatar]
    await eventually(lambda: kept.face == Face.MOVING, "visitors are told")
    assert not (await kept.say(0.5)).interrupted


async def test_one_whose_process_died_without_a_word_is_lost_when_visitors_see_nothing_new(
    keep: Keep, standins: StandInServer
) -> None:
    standins.behave("bey", "join-then-hang", seconds=0.2, times=1)
    kept = await keep("bey")
    await eventually(lambda: kept.conversations("bey")[-1]["hangs"], "nothing comes any more")
    kept.keeper.doubt()
    lost = await kept.told("avatar_lost")
    over = await kept.told("avatar_taken_over")
    assert (lost.code, over.provider) == ("stopped", "still")
    await kept.told("avatar_back")


async def test_a_provider_that_fails_is_tried_as_the_mode_says_and_then_the_fallback_takes_over(
    keep: Keep, standins: StandInServer
) -> None:
    standins.behave("tavus", "500")
    kept = await keep("tavus", fallback="test-card")
    await kept.told("avatar_taken_over", 2)
    causes = [(one.provider, one.code, one.tries, one.again_in_s) for one in kept.events.of("avatar_lost")]
    assert causes == [("tavus", "provider_error", 1, 0.2), ("tavus", "provider_error", 2, None)]
    assert [one.provider for one in kept.events.of("avatar_taken_over")] == ["still", "test-card"]
    assert not (await kept.say(0.5)).interrupted
    assert not kept.workers
    await kept.keeper.switch(kept.keeper.mode.model_copy(update={"video_width": 320, "video_height": 180}))
    await eventually(lambda: kept.visitor.frame_size == (320, 180), "what stands in goes to the other mode, too")


async def test_too_many_requests_are_not_repeated_before_the_provider_allows_it(
    keep: Keep, standins: StandInServer
) -> None:
    standins.behave("bithuman", "429", seconds=1, times=1)
    kept = await keep("bithuman")
    lost = await kept.told("avatar_lost")
    assert (lost.code, lost.again_in_s) == ("rate_limited", 1.0)
    assert "Too many requests" in lost.sentence
    assert (await kept.told("avatar_back")).away_ms >= 1000


async def test_a_fallback_that_was_lost_is_tried_again_where_the_provider_refused_for_good(
    keep: Keep, standins: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "COME_BACK_S", 0.5)
    standins.behave("bithuman", "402")
    standins.behave("bey", "join-then-die", seconds=0.2, times=1)
    kept = await keep("bithuman", fallback="bey")
    await kept.told("avatar_taken_over", 4)
    assert [one.provider for one in kept.events.of("avatar_taken_over")] == ["still", "bey", "still", "bey"]


@pytest.mark.parametrize(
    ("provider", "behaviour", "code"),
    [
        ("bithuman", "401", "unauthorized"),
        ("tavus", "402", "payment_required"),
        ("bey", "403", "forbidden"),
        ("tavus", "silent", "no_answer"),
        ("bey", "refuse", "unreachable"),
        ("tavus", "never-join", "not_joined"),
        ("bithuman", "expired-token", ""),
    ],
)
async def test_every_way_to_fail_has_its_code_and_the_voice_all_the_same(
    keep: Keep, standins: StandInServer, monkeypatch: pytest.MonkeyPatch, provider: str, behaviour: str, code: str
) -> None:
    standins.behave(provider, behaviour)
    monkeypatch.setitem(cast(Any, PATIENCE), "timeout_s", 1.0 if behaviour in ("silent", "never-join") else 30.0)
    kept = await keep(provider)
    assert [one.code for one in kept.events.of("avatar_lost")][:1] == ([code] if code else [])
    await eventually(lambda: kept.face == (Face.STILL if code else Face.MOVING), "visitors are told")
    assert not (await kept.say(0.3)).interrupted
    keys = [value for name, value in standins.environment.items() if not name.endswith("_URL")]
    assert not any(key in one.sentence for one in kept.events.of("avatar_lost") for key in keys)


async def test_an_operators_change_of_provider_comes_beside_the_present_one(keep: Keep) -> None:
    kept = await keep("tavus")
    saying = asyncio.create_task(kept.say(2.0))
    await eventually(lambda: kept.visitor.heard_s > 0.5, "the sound")
    await kept.keeper.switch(kept.keeper.mode, Choice("bey", SETTINGS["bey"]))
    assert not (await saying).interrupted
    await eventually(lambda: [one.identity[:3] for one in kept.workers] == ["bey"], "the earlier one leaves")
    await eventually(lambda: not kept.conversations("tavus")[-1]["open"], "Tavus is told")
    await kept.keeper.switch(kept.keeper.mode, Choice("test-card", SETTINGS["test-card"]))
    assert not (await kept.say(0.5)).interrupted
    await eventually(lambda: not kept.workers, "nobody else draws it")
    assert not kept.events.of("avatar_lost")


async def test_one_that_dies_while_another_is_started_is_stood_in_for_at_once(
    keep: Keep, standins: StandInServer
) -> None:
    kept = await keep("bey")
    standins.behave("tavus", "slow", seconds=4)
    changing = asyncio.create_task(kept.keeper.switch(kept.keeper.mode, Choice("tavus", SETTINGS["tavus"])))
    saying = asyncio.create_task(kept.say(2.0))
    await eventually(lambda: kept.visitor.heard_s > 0.5, "the sound")
    await cast(Any, _JobContextVar.get()).api.room.remove_participant(
        api.RoomParticipantIdentity(room=kept.room.name, identity=kept.workers[0].identity)
    )
    assert (await kept.told("avatar_taken_over")).provider == "still"
    assert not changing.done()
    assert not (await saying).interrupted
    await changing
    assert kept.events.of("avatar_lost")[0].provider == "bey"
    await eventually(lambda: kept.face == Face.MOVING, "visitors are told")
    assert len(kept.events.of("avatar_back")) == 1


async def test_an_order_that_is_broken_off_leaves_no_open_conversation(keep: Keep, standins: StandInServer) -> None:
    kept = await keep("test-card")
    standins.behave("tavus", "slow", seconds=1)
    asked = len(standins.seen("tavus")["requests"])
    changing = asyncio.create_task(kept.keeper.switch(kept.keeper.mode, Choice("tavus", SETTINGS["tavus"])))
    await eventually(lambda: len(standins.seen("tavus")["requests"]) > asked, "the order")
    changing.cancel()
    await asyncio.gather(changing, return_exceptions=True)
    await kept.keeper.aclose()
    told = [(event.change, bool(event.conversation)) for event in kept.events.of("provider_conversation")]
    assert told == [("opened", False), ("opened", True), ("ended", True)]
    assert not kept.conversations("tavus")[-1]["open"]


async def test_a_conversation_that_the_vendor_opens_after_it_was_given_up_is_ended(
    keep: Keep, standins: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "_ANSWERS_S", 0.1)
    kept = await keep("test-card")
    standins.behave("tavus", "slow", seconds=2, times=1)
    hasty = kept.keeper.mode.model_copy(update={"timeout_s": 1.0})
    with pytest.raises(AvatarLostError, match="did not answer in time"):
        await kept.keeper.switch(hasty, Choice("tavus", SETTINGS["tavus"]))
    assert not (await kept.say(0.5)).interrupted
    await eventually(lambda: len(kept.events.of("provider_conversation")) == 3, "the late answer")
    told = [(event.change, bool(event.conversation)) for event in kept.events.of("provider_conversation")]
    assert told == [("opened", False), ("opened", True), ("ended", True)]
    late = kept.events.of("provider_conversation")[-1].conversation
    assert [one["open"] for one in standins.seen("tavus")["conversations"] if one["id"] == late] == [False]
    await eventually(lambda: kept.workers == [], "the late avatar's end")


async def test_a_vendor_that_did_not_hear_of_the_end_is_told_again_while_the_session_goes_on(
    keep: Keep, standins: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "_END_AGAIN_S", 0.2)
    kept = await keep("tavus")
    standins.behave("tavus", "500")
    await kept.keeper.switch(kept.keeper.mode, Choice("test-card", SETTINGS["test-card"]))
    await eventually(lambda: standins.seen("tavus")["requests"][-1]["path"].endswith("/end"), "a try to end it")
    assert kept.conversations("tavus")[-1]["open"]
    standins.behave("tavus")
    await eventually(lambda: not kept.conversations("tavus")[-1]["open"], "the end at the vendor")
    assert (await kept.told("provider_conversation", 2)).change == "ended"


async def test_an_avatar_that_comes_after_it_was_given_up_is_sent_out(keep: Keep, livekit: LiveKit) -> None:
    kept = await keep("bey")
    identity = kept.workers[0].identity
    await kept.keeper.switch(kept.keeper.mode, Choice("test-card", SETTINGS["test-card"]))
    await kept.told("provider_conversation", 2)
    late, is_out = rtc.Room(), asyncio.Event()
    late.on("disconnected", lambda _: is_out.set())
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity(identity)
    await late.connect(livekit.url, token.with_grants(api.VideoGrants(room_join=True, room=kept.room.name)).to_jwt())
    await asyncio.wait_for(is_out.wait(), 30)
    assert kept.workers == []


async def test_a_provider_that_this_release_does_not_know_any_more_is_stood_in_for(keep: Keep) -> None:
    kept = await keep("gone", provider_settings={}, fallback="test-card")
    lost = await kept.told("avatar_lost")
    assert (lost.provider, lost.code) == ("gone", LossCode.NOT_SET_UP)
    await eventually(lambda: kept.face == Face.MOVING, "the fallback")
    assert not (await kept.say(0.5)).interrupted


async def test_a_change_to_a_provider_that_refuses_leaves_all_as_it_was(keep: Keep, standins: StandInServer) -> None:
    kept = await keep("test-card")
    standins.behave("bithuman", "402")
    with pytest.raises(AvatarLostError, match="402"):
        await kept.keeper.switch(kept.keeper.mode, Choice("bithuman", SETTINGS["bithuman"]))
    assert kept.keeper.choice.provider == "test-card"
    assert not (await kept.say(0.5)).interrupted
    assert kept.events.all == []


class Runtime:
    """Stands in for the SDK's: a frame of one colour with each 40 ms of sound, as fast as it is taken."""

    settings = SimpleNamespace(FPS=25, INPUT_SAMPLE_RATE=16_000)

    def __init__(self, **options: Any) -> None:
        self.options, self.is_cleaned_up = options, False
        width, height = options["output_size"]
        self._picture = np.full((height, width, 3), 90, np.uint8)
        self._sound: asyncio.Queue[Any] = asyncio.Queue()

    def get_first_frame(self) -> Any:
        return self._picture

    async def push_audio(self, sound: bytes, rate: int, last_chunk: bool) -> None:
        assert rate == 16_000
        self._sound.put_nowait(np.frombuffer(sound, np.int16))

    async def flush(self) -> None:
        self._sound.put_nowait(None)

    def interrupt(self) -> None:
        self._sound = asyncio.Queue()

    async def run(self) -> AsyncIterator[Any]:
        while True:
            sound, chunk = np.empty(0, np.int16), None
            with contextlib.suppress(TimeoutError):
                sound = await asyncio.wait_for(self._sound.get(), 0.04)
            if sound is not None and sound.size:
                chunk = SimpleNamespace(bytes=sound.tobytes(), array=sound, sample_rate=16_000)
            yield SimpleNamespace(bgr_image=self._picture, audio_chunk=chunk, end_of_speech=sound is None)

    def cleanup(self) -> None:
        self.is_cleaned_up = True


async def test_bithuman_on_this_host_gets_the_modes_settings_and_speaks(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "face.imx"
    model.touch()
    made: list[Runtime] = []

    async def runtime(settings: Any, mode: ModeSettings) -> Runtime:
        made.append(Runtime(**bithuman_local.runtime_options(mode)))
        return made[-1]

    monkeypatch.setattr(bithuman_local, "sdk_runtime", runtime)
    kept = await keep("bithuman", provider_settings={"place": "local", "model_path": str(model)})
    assert made[0].options == {
        "input_buffer_size": 2,
        "output_buffer_size": 3,
        "num_threads": 0,
        "output_size": (720, 404),
    }
    await eventually(lambda: kept.visitor.frame_size == (720, 404), "its picture")
    assert not (await kept.say(1.0)).interrupted
    await eventually(lambda: kept.visitor.heard_s > 0.6, "the sound")
    await kept.keeper.switch(kept.keeper.mode.model_copy(update={"output_buffer_size": 5}))
    assert made[1].options["output_buffer_size"] == 5, "a runtime keeps what it was made with: another one follows"
    await eventually(lambda: made[0].is_cleaned_up, "the earlier one is let go")
    mode = kept.keeper.mode
    twice = {"video_width": 2 * mode.video_width, "video_height": 2 * mode.video_height, "bitrate_kbps": 900}
    await kept.keeper.switch(mode.model_copy(update=twice))
    assert len(made) == 2, "its picture has the same size: only the track is another"
    await eventually(lambda: kept.visitor.frame_size == (720, 404), "its picture")
    assert not (await kept.say(0.3)).interrupted
    assert not kept.events.of("avatar_lost")


async def test_bithuman_on_this_host_that_hangs_leaves_the_voice_a_still_picture(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "face.imx"
    model.touch()

    async def hangs(settings: Any, mode: ModeSettings) -> Runtime:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(bithuman_local, "sdk_runtime", hangs)
    kept = await keep("bithuman", provider_settings={"place": "local", "model_path": str(model)})
    lost, over = await kept.told("avatar_lost"), await kept.told("avatar_taken_over")
    assert (lost.code, over.provider) == ("no_answer", "still")
    assert not (await kept.say(0.3)).interrupted


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/nowhere/face.imx", "is not on this host"), ("", "SDK is not installed")],
)
async def test_what_bithuman_lacks_on_this_host_is_said_in_a_sentence(
    keep: Keep, tmp_path: Path, path: str, sentence: str
) -> None:
    (tmp_path / "face.imx").touch()
    kept = await keep("bithuman", provider_settings={"place": "local", "model_path": path or f"{tmp_path}/face.imx"})
    lost = await kept.told("avatar_lost")
    assert (lost.code, lost.again_in_s) == ("not_set_up", None)
    assert sentence in lost.sentence


async def test_bithumans_token_is_renewed_before_it_ends(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bithuman, "REFRESH_S", 0.2)
    kept = await keep("bithuman")
    first = kept.workers[0].attributes["api_secret"]
    await eventually(lambda: kept.workers[0].attributes["api_secret"] != first, "a fresh token")
    assert first != kept.standins.bithuman_secret != kept.workers[0].attributes["api_secret"]
    assert kept.workers[0].attributes["lk.publish_on_behalf"] == "agent"


async def test_a_picture_for_bithuman_goes_to_it_and_its_secret_nowhere_else(
    keep: Keep, home: Path, standins: StandInServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITHUMAN_API_TOKEN", "a-token-that-was-left-there")
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300), (90, 120, 90)).save(buffer, "JPEG")
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    path = home.joinpath(*asset_path_parts(sha256))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    reference = AssetRef(sha256=sha256, size_bytes=path.stat().st_size, url="http://127.0.0.1:9/")
    settings = {"image": {"name": "face.jpg", "sha256": sha256}}
    kept = await keep("bithuman", provider_settings=settings, files=[reference])
    assert not kept.events.of("avatar_lost")
    assert "api_secret" not in kept.workers[0].attributes
    assert standins.seen("bithuman")["requests"][-1]["path"].endswith("/request")
