"""A database of sessions as they might have been, for looking at reports and for measuring their pages (`report_pages.py`).
The same seed makes the same sessions.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone

from monitoring.actions.reporting import make_report
from monitoring.models import FrameSample, Hitch, HitchCause, HostSample, SessionSample, Turn, VisitSample, WorkflowStep
from sessions.models import (
    AgentWorker,
    AvatarProfile,
    AvatarSession,
    DeploymentMode,
    EndReason,
    ModeVersion,
    SessionEvent,
    State,
    Visit,
    VisitorLink,
)

MIB: Final = 2**20
DAYS: Final = 60
CORES: Final = 8
HOSTS: Final = ("atlas", "borealis")
AT_ONCE: Final = 250  # sessions a transaction
STEPS: Final = (  # key, label, usual duration ms, memory MB
    ("connection_initialization", "Connection Initialization", 152, 9),
    ("session_agent_configuration", "Session & Agent Configuration", 22, 3),
    ("starting_avatar_session", "Starting Avatar Session", 314, 31),
    ("vision_processing_startup", "Vision Processing Startup", 94, 2),
    ("greeting_sound_preparation", "Greeting Sound Preparation", 120, 6),
    ("speech_recognition_model_loading", "Speech Recognition Model Loading (Lazy)", 900, 1),
    ("turn_detection_model_loading", "Turn Detection Model Loading (Lazy)", 210, 1),
    ("deliver_first_greeting", "Deliver First Greeting", 260, 2),
)
WEIGHT: Final = {  # of a mode: CPU of one core, answer ms
    "ultra-low-latency": (34, 560),
    "balanced": (42, 700),
    "stable": (48, 780),
    "constrained": (16, 720),
    "exhibition": (88, 860),
}


@dataclass
class Rows:
    """What is written together, by model."""

    by_model: dict[type[models.Model], list[Any]] = field(default_factory=dict)

    def add(self, rows: Iterable[models.Model]) -> None:
        for row in rows:
            self.by_model.setdefault(type(row), []).append(row)

    def write(self) -> None:
        for model, rows in self.by_model.items():
            model._default_manager.bulk_create(rows, batch_size=5_000)
        self.by_model.clear()


class Past:
    """Writes sessions that are over."""

    def __init__(self, seed: int = 20_261_121) -> None:
        self.random = random.Random(seed)
        self.profiles = list(AvatarProfile.objects.select_related("current"))
        self.modes = {mode.slug: mode for mode in DeploymentMode.objects.select_related("current")}
        self.rows = Rows()

    def session(
        self, at: datetime, *, seconds: int, turns: int, mode: str = "", host: str = "", steal_at: tuple[int, ...] = ()
    ) -> AvatarSession:
        """A session from `at` on with a sample a second; its rows wait for `rows.write()`. `steal_at`: seconds of peaks."""
        slug = mode or self.random.choice(list(WEIGHT))
        profile = self.random.choice(self.profiles)
        found = self._row(profile, self.modes[slug], host or self.random.choice(HOSTS), at, seconds)
        self._steps(found)
        self._samples(found, seconds, slug, steal_at)
        self._turns(found, seconds, turns, slug)
        self._visit(found, seconds)
        return found

    def host_seconds(self, host: str, start: datetime, seconds: int, steal_at: tuple[int, ...] = ()) -> None:
        """A sample a second of a host; around `steal_at` its CPU is taken away for 20 s."""
        self.rows.add(
            HostSample(
                host=host, at=start + timedelta(seconds=second), cores=CORES,
                user_percent=22 + 8 * math.sin(second / 40) + self.random.uniform(-2, 2), system_percent=4.5,
                iowait_percent=0.4, steal_percent=_steal(second, steal_at) + self.random.uniform(0, 0.5),
                memory_total_bytes=16 * 1024 * MIB, memory_used_bytes=5_200 * MIB,
            )
            for second in range(seconds)
        )  # fmt: skip

    def _row(
        self, profile: AvatarProfile, mode: DeploymentMode, host: str, at: datetime, seconds: int
    ) -> AvatarSession:
        ready = timedelta(milliseconds=self.random.gauss(1_050, 140))
        failed = self.random.random() < 0.02
        version: ModeVersion | None = mode.current
        assert version is not None
        assert profile.current is not None
        found = AvatarSession.objects.create(
            profile_version=profile.current, mode_version=version, language=profile.current.language, host=host,
            max_duration_s=3_600, idle_timeout_s=600, requested_by="Amina", requested_at=at, attempt_at=at,
            state=State.ENDED, state_changed_at=at + timedelta(seconds=seconds), ended_at=at + timedelta(seconds=seconds),
            end_reason=EndReason.AGENT_LOST if failed else self.random.choice(
                [EndReason.OPERATOR_STOPPED, EndReason.VISITOR_LEFT, EndReason.IDLE]
            ),
            dispatched_at=at + ready * 0.04, process_started_at=at + ready * 0.2, connected_at=at + ready * 0.34,
            first_video_at=at + ready * 0.9, ready_at=at + ready, first_audio_at=at + timedelta(seconds=4),
        )  # fmt: skip
        moves = ((State.REQUESTED, 0.0), (State.STARTING, 0.2), (State.READY, 1.0), (State.ENDED, float(seconds)))
        self.rows.add(
            SessionEvent(session=found, at=at + timedelta(seconds=after), kind="state", state=state, text=str(state))
            for state, after in moves
        )
        return found

    def _steps(self, session: AvatarSession) -> None:
        begun, own = session.requested_at + timedelta(milliseconds=210), 62.0
        for number, (key, label, usual_ms, gain_mb) in enumerate(STEPS, 1):
            took_ms, gain = self.random.gauss(usual_ms, usual_ms / 8), self.random.gauss(gain_mb, 0.5)
            self.rows.add([WorkflowStep(
                session=session, attempt=1, number=number, key=key, label=label, status="completed", started_at=begun,
                duration_ms=max(1, took_ms), uss_before_bytes=int(own * MIB), uss_after_bytes=int((own + gain) * MIB),
            )])  # fmt: skip
            begun, own = begun + timedelta(milliseconds=took_ms), own + gain

    def _samples(self, session: AvatarSession, seconds: int, slug: str, steal_at: tuple[int, ...]) -> None:
        cpu, memory = WEIGHT[slug][0] * self.random.gauss(1, 0.12), 112 * self.random.gauss(1, 0.04)
        for second in range(2, seconds):
            at, steal = session.requested_at + timedelta(seconds=second), _steal(second, steal_at)
            talking = 1.5 if second % 30 < 11 else 0.7
            late = steal > 12
            self.rows.add([
                SessionSample(
                    session=session, at=at, cpu_percent=cpu * talking * self.random.uniform(0.9, 1.1), threads=27, fds=48,
                    uss_bytes=int((memory + min(6, second / 60)) * MIB), pss_bytes=int((memory + 60) * MIB),
                    rss_bytes=int((memory + 190) * MIB),
                ),
                FrameSample(
                    session=session, at=at, composed=18 if talking > 1 else 4, cached=7, repeated=2 if late else 0,
                    frame_p50_ms=5, frame_p95_ms=self.random.gauss(11, 1.5) + 2 * steal, budget_ms=40,
                    frame_max_ms=82 if late else self.random.gauss(19, 3),
                ),
            ])  # fmt: skip
        self.rows.add(
            Hitch(
                session=session, at=session.requested_at + timedelta(seconds=second), kind="frames", usual_ms=40,
                until=session.requested_at + timedelta(seconds=second + 1), cause=HitchCause.STEAL, took_ms=lost + 40,
            )
            for second, lost in zip(steal_at, (82, 61, 44), strict=False)
        )  # fmt: skip

    def _turns(self, session: AvatarSession, seconds: int, turns: int, slug: str) -> None:
        usual = WEIGHT[slug][1] * self.random.gauss(1, 0.09)
        for turn in range(turns):
            think = self.random.lognormvariate(math.log(usual * 0.4), 0.35)
            end, hear, speak = self.random.gauss(200, 12), self.random.gauss(90, 10), self.random.gauss(120, 8)
            at = session.requested_at + timedelta(seconds=6 + turn * (seconds - 8) / max(1, turns))
            self.rows.add([Turn(
                session=session, at=at, typed=False, language="en", words=7, end_of_turn_ms=end, recognised_ms=hear,
                answer_ms=think, voice_ms=speak, first_sound_ms=end + think + speak + usual * 0.15,
                interrupted=self.random.random() < 0.05,
            )])  # fmt: skip

    def _visit(self, session: AvatarSession, seconds: int) -> None:
        at = session.requested_at + timedelta(seconds=2)
        link = VisitorLink.objects.create(
            session=session, token=f"t-{session.pk}-{self.random.random():.9f}", created_by="Amina",
            expires_at=at + timedelta(hours=8),
        )  # fmt: skip
        self.rows.add([Visit(
            session=session, link=link, identity=f"visitor-{session.pk}", name="Dana", joined_at=at,
            left_at=session.ended_at, token_ms=22, connected_ms=310, first_frame_ms=self.random.gauss(640, 60),
            first_sound_ms=self.random.gauss(930, 70),
        )])  # fmt: skip
        self.rows.add(
            VisitSample(
                session=session, identity=f"visitor-{session.pk}", at=at + timedelta(seconds=second), fps=25,
                av_offset_ms=self.random.gauss(12, 8),
            )
            for second in range(5, seconds, 30)
        )  # fmt: skip


def _steal(second: int, peaks: tuple[int, ...]) -> float:
    """A peak rises for some seconds and falls: percent of all cores."""
    return max(
        (21 / (place + 1) * max(0.0, 1 - abs(second - peak) / 14) for place, peak in enumerate(peaks)), default=0
    )


def fill(*, sessions: int, samples: int, days: int = DAYS) -> None:
    """That many sessions and samples (of sessions, frames and hosts together) up to now, each session with its report."""
    past, now = Past(), timezone.now()
    for host in HOSTS:
        AgentWorker.objects.get_or_create(host=host, defaults={"state": "running", "host_seen_at": now})
    seconds = max(10, int(samples * 0.7 / sessions / 2) + 2)
    of_hosts = int(samples * 0.3 / len(HOSTS))
    for first in range(0, sessions, AT_ONCE):
        with transaction.atomic():
            written = []
            for number in range(first, min(first + AT_ONCE, sessions)):
                at = now - timedelta(days=days) * (1 - number / sessions) - timedelta(minutes=2)
                written.append(past.session(at, seconds=seconds, turns=past.random.randint(4, 20)))
            past.rows.write()
            for session in written:
                make_report(session)
    with transaction.atomic():
        for host in HOSTS:
            past.host_seconds(host, now - timedelta(seconds=of_hosts), of_hosts)
        past.rows.write()
