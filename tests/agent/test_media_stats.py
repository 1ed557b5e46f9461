"""What a job tells of its encoder and its network, from LiveKit's statistics."""

from typing import Any

from livekit import rtc
from livekit.rtc._proto import stats_pb2

from agent.job.media_stats import MediaReporter
from tests.agent.test_steps import Recorder


def outbound(sent_bytes: int, frames: int, encode_s: float) -> Any:
    return stats_pb2.RtcStats(
        outbound_rtp=stats_pb2.RtcStats.OutboundRtp(
            sent=stats_pb2.SentRtpStreamStats(bytes_sent=sent_bytes),
            outbound=stats_pb2.OutboundRtpStreamStats(
                frames_encoded=frames, total_encode_time=encode_s, quality_limitation_reason=stats_pb2.LIMITATION_CPU
            ),
        )
    )


def remote(round_trip_s: float, measurements: int) -> Any:
    return stats_pb2.RtcStats(
        remote_inbound_rtp=stats_pb2.RtcStats.RemoteInboundRtp(
            received=stats_pb2.ReceivedRtpStreamStats(jitter=0.004),
            remote_inbound=stats_pb2.RemoteInboundRtpStreamStats(
                round_trip_time=round_trip_s, fraction_lost=0.02, round_trip_time_measurements=measurements
            ),
        )
    )


def told(recorder: Recorder) -> Any:
    return recorder.events[-1][1]


async def test_rates_are_of_the_time_between_two_readings_and_absent_at_the_first() -> None:
    recorder = Recorder()
    reporter = MediaReporter(rtc.Room(), recorder, lambda: (3, 80.0))
    video = rtc.TrackKind.KIND_VIDEO
    reporter.tell([(video, outbound(1000, 100, 0.5)), (video, remote(0, 0))], 10.0)
    assert told(recorder) == {
        "limited_by": "cpu",
        "lost_percent": 2.0,
        "jitter_ms": 4.0,
        "queued_frames": 3,
        "queued_sound_ms": 80.0,
    }
    sound = (rtc.TrackKind.KIND_AUDIO, outbound(50_000, 0, 0))
    reporter.tell([(video, outbound(201_000, 350, 1.5)), sound, (video, remote(0.08, 4))], 20.0)
    second = told(recorder)
    assert (second["sent_kbps"], second["encoded_fps"], second["encode_ms"]) == (200.0, 25.0, 4.0)
    assert second["round_trip_ms"] == 80.0


async def test_counters_that_began_anew_have_no_rate() -> None:
    recorder = Recorder()
    reporter = MediaReporter(rtc.Room(), recorder, lambda: None)
    video = rtc.TrackKind.KIND_VIDEO
    reporter.tell([(video, outbound(9000, 900, 2))], 10.0)
    reporter.tell([(video, outbound(10, 1, 0.1))], 20.0)
    assert told(recorder) == {"limited_by": "cpu"}
