"""The avatar of one conversation in its LiveKit room."""

import asyncio
import contextlib
from collections.abc import Callable

from livekit import rtc
from livekit.agents.types import ATTRIBUTE_PUBLISH_ON_BEHALF
from livekit.agents.voice.avatar import AvatarOptions, AvatarRunner, DataStreamAudioReceiver

from standins.behaviour import Behaviour, Kind
from standins.card import FPS, HEIGHT, WIDTH, Card, Look
from standins.talking import TalkingCard

CLEAR_BUFFER = "lk.clear_buffer"


class JoinRefused(Exception):
    """LiveKit did not let the avatar in."""


class RoomReceiver(DataStreamAudioReceiver):
    """LiveKit's own keeps the handlers of a whole process by the sender's name: two avatars of one agent would mix them up."""

    @classmethod
    def _register_clear_buffer_rpc(
        cls, room: rtc.Room, *, caller_identity: str, handler: Callable[[rtc.RpcInvocationData], str]
    ) -> None:
        room.local_participant.register_rpc_method(CLEAR_BUFFER, handler)


class H264Runner(AvatarRunner):
    """Publishes sound and picture at once, without waiting until somebody subscribed to the sound."""

    async def _publish_track(self) -> None:
        async with self._lock:
            await self._room_connected_fut
            video = rtc.LocalVideoTrack.create_video_track("avatar_video", self._video_source)
            audio = rtc.LocalAudioTrack.create_audio_track("avatar_audio", self._audio_source)
            seen = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, video_codec=rtc.VideoCodec.H264)
            heard = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            self._video_publication, self._audio_publication = await asyncio.gather(
                self._room.local_participant.publish_track(video, seen),
                self._room.local_participant.publish_track(audio, heard),
            )


class RoomAvatar:
    """`run` joins, performs, and returns once the avatar is out of the room or the room is gone."""

    def __init__(self, look: Look, sample_rate: int) -> None:
        self.talking = TalkingCard(Card(look), sample_rate)
        self.room = rtc.Room()
        self.hangs = False

    async def run(self, url: str, token: str, *, joined: Callable[[], None], behaviour: Behaviour | None = None) -> str:
        """Returns why it ended; raises `JoinRefused`. Cancel it to have it leave."""
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def on_disconnected(reason: rtc.DisconnectReason.ValueType) -> None:
            if not over.done():
                over.set_result(f"out of the room: {rtc.DisconnectReason.Name(reason).lower()}")

        self.room.on("disconnected", on_disconnected)
        await self._connect(url, token)
        joined()
        performing = asyncio.create_task(self._perform(behaviour or Behaviour()), name="performing")
        try:
            await asyncio.wait({over, performing}, return_when=asyncio.FIRST_COMPLETED)
            return over.result() if over.done() else performing.result()
        finally:
            performing.cancel()
            await asyncio.gather(performing, return_exceptions=True)
            await self.room.disconnect()

    async def _connect(self, url: str, token: str) -> None:
        connecting = asyncio.create_task(self.room.connect(url, token), name="connecting")
        try:
            await asyncio.shield(connecting)
        except rtc.ConnectError as error:
            raise JoinRefused(str(error)) from error
        except asyncio.CancelledError:
            # a connection under way is made all the same, and would keep the avatar in the room
            with contextlib.suppress(rtc.ConnectError):
                await connecting
            await self.room.disconnect()
            raise

    async def _perform(self, behaviour: Behaviour) -> str:
        sender = self.room.local_participant.attributes.get(ATTRIBUTE_PUBLISH_ON_BEHALF)
        runner = H264Runner(
            self.room,
            audio_recv=RoomReceiver(self.room, sender_identity=sender),
            video_gen=self.talking,
            options=AvatarOptions(WIDTH, HEIGHT, FPS, self.talking.sample_rate, 1),
        )
        await runner.start()
        try:
            if behaviour.behaviour in (Kind.JOIN_THEN_DIE, Kind.JOIN_THEN_HANG):
                await self.talking.first_picture.wait()
                await asyncio.sleep(behaviour.length_s)
                if behaviour.behaviour is Kind.JOIN_THEN_DIE:
                    return "died"
                await runner.aclose()  # which leaves the tracks in the room
                self.hangs = True
                await asyncio.Event().wait()
            await runner.wait_for_complete()
            return "the performance ended by itself"
        finally:
            await runner.aclose()
