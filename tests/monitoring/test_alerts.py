"""Alerts and hitches, from events in the stream to rows; the webhook and the mail."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django.fixtures import Settings

from monitoring.actions.alerts import acknowledge_alert, raise_alert
from monitoring.actions.ingest import Ingested
from monitoring.alerts.telling import NotTold, send_mail_about, send_webhook_about
from monitoring.alerts.watch import AlertWatch
from monitoring.ingest.ingester import Ingester
from monitoring.ingest.observations import LateFrames, ProviderFailed, Reading, SessionRef, StepSeen, TurnSeen
from monitoring.models import Alert, Hitch, HitchCause, HitchKind, HostSample, Severity
from monitoring.tasks import mail_alert, tell_alert
from monitoring.watching.hitches import HitchWatch, cause_of
from monitoring.watching.usual import Usual
from protocol.readings import CpuSample, ProcessSample
from sessions.models import AgentWorker, AvatarSession, State
from tests.monitoring.conftest import Writer

MIB = 1024 * 1024
NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


class KnownUsual(Usual):
    """Steps usually take 300 ms, answers 700 ms."""

    def step_ms(self, session_pk: int, key: str) -> float | None:
        return 300.0

    def turn_ms(self, session_pk: int) -> float | None:
        return 700.0


@pytest.fixture
def watch() -> AlertWatch:
    """A watch that has been watching for a while."""
    watch = AlertWatch(KnownUsual())
    watch.tick(NOW - timedelta(seconds=60), {})
    return watch


@pytest.fixture
def on_air_ref(session: AvatarSession) -> SessionRef:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY, job_pid=4711)
    return SessionRef(session.pk, str(session.code))


def steal(seconds: int, value: float, begin: datetime = NOW) -> list[Reading]:
    return [Reading("steal", begin + timedelta(seconds=second), value, "atlas") for second in range(seconds)]


def test_a_host_that_is_starved_raises_one_alert_that_worsens_and_clears(watch: AlertWatch) -> None:
    watch.observe(steal(15, 7.0))
    alert = Alert.objects.get()
    assert (alert.rule, alert.severity, alert.host, alert.session) == ("steal", Severity.WARNING, "atlas", None)
    watch.observe(steal(30, 60.0, NOW + timedelta(seconds=15)))
    alert.refresh_from_db()
    assert alert.severity == Severity.CRITICAL
    assert alert.worst == 60.0
    watch.observe(steal(40, 0.2, NOW + timedelta(seconds=45)))
    alert.refresh_from_db()
    assert alert.cleared_at is not None
    assert Alert.objects.count() == 1


def test_another_monitor_goes_on_with_the_alert_that_is_open(watch: AlertWatch) -> None:
    watch.observe(steal(15, 20.0))
    other = AlertWatch(KnownUsual())
    other.tick(NOW + timedelta(seconds=15), {})
    other.observe(steal(40, 20.0, NOW + timedelta(seconds=15)))
    other.tick(NOW + timedelta(seconds=55), {})
    assert Alert.objects.get().is_open
    other.observe(steal(40, 0.0, NOW + timedelta(seconds=55)))
    assert not Alert.objects.get().is_open


def test_a_session_without_a_picture_for_three_seconds_is_told_and_cleared_with_its_next_frame(
    watch: AlertWatch, on_air_ref: SessionRef
) -> None:
    code = on_air_ref.code
    watch.tick(NOW + timedelta(seconds=2), {code: (NOW, {})})
    assert not Alert.objects.exists()
    watch.tick(NOW + timedelta(seconds=3), {code: (NOW, {})})
    alert = Alert.objects.get()
    assert (alert.rule, alert.severity, str(alert.session.code), alert.host) == ("no_frame", "critical", code, "atlas")  # type: ignore[union-attr]
    watch.tick(NOW + timedelta(seconds=5), {code: (NOW + timedelta(seconds=4.5), {})})
    assert not Alert.objects.get().is_open


def test_a_session_that_was_stuck_already_when_the_monitor_began_is_missed_too(on_air_ref: SessionRef) -> None:
    watch = AlertWatch(KnownUsual())
    for second in range(8):
        watch.tick(NOW + timedelta(seconds=second), {})
    assert (Alert.objects.get().rule, Alert.objects.get().session_id) == ("no_frame", on_air_ref.pk)
    watch.tick(NOW + timedelta(seconds=9), {on_air_ref.code: (NOW + timedelta(seconds=9), None)})
    assert not Alert.objects.get().is_open


def test_a_face_that_a_vendor_draws_since_sends_no_frames_of_ours_and_is_not_missed(
    watch: AlertWatch, on_air_ref: SessionRef
) -> None:
    last: dict[str, tuple[datetime, Any]] = {on_air_ref.code: (NOW, {})}
    watch.tick(NOW + timedelta(seconds=4), last)
    assert Alert.objects.get().is_open
    AvatarSession.objects.filter(pk=on_air_ref.pk).update(switched_provider="tavus")
    for second in (5, 60):
        watch.tick(NOW + timedelta(seconds=second), last)
    assert not Alert.objects.get().is_open


def test_an_alert_of_a_session_that_is_over_is_cleared(watch: AlertWatch, on_air_ref: SessionRef) -> None:
    watch.tick(NOW + timedelta(seconds=4), {on_air_ref.code: (NOW, {})})
    AvatarSession.objects.filter(pk=on_air_ref.pk).update(state=State.ENDED)
    watch.tick(NOW + timedelta(seconds=15), {})
    assert not Alert.objects.get().is_open


def test_a_host_that_vanishes_is_told_and_its_return_too(watch: AlertWatch) -> None:
    watch.seen({"atlas": NOW})
    watch.tick(NOW + timedelta(seconds=9), {})
    assert not Alert.objects.exists()
    watch.tick(NOW + timedelta(seconds=11), {})
    assert Alert.objects.get().rule == "silent_host"
    watch.seen({"atlas": NOW + timedelta(seconds=12)})
    watch.tick(NOW + timedelta(seconds=13), {})
    assert not Alert.objects.get().is_open


def test_a_host_that_fell_silent_before_the_clock_was_set_back_is_told_of(db: None, watch: AlertWatch) -> None:
    watch.seen({"atlas": NOW})
    for second in (0, 11):
        watch.tick(NOW + timedelta(seconds=second - 3600), {})
    assert Alert.objects.get().rule == "silent_host"


def test_a_session_whose_pictures_stop_after_the_clock_was_set_back_is_told_of(
    watch: AlertWatch, on_air_ref: SessionRef
) -> None:
    back = NOW - timedelta(hours=1)
    for second in range(5):  # the stream's clock never goes back: for an hour all that comes bears the same time
        watch.tick(back + timedelta(seconds=second), {on_air_ref.code: (NOW, {"fps": 25})})
    assert not Alert.objects.exists()
    last = {on_air_ref.code: (NOW, {"fps": 25})}
    for second in range(5, 12):
        watch.tick(back + timedelta(seconds=second), last)
    assert Alert.objects.get().rule == "no_frame"
    watch.tick(back + timedelta(seconds=12), {on_air_ref.code: (NOW, {"fps": 25})})
    assert not Alert.objects.get().is_open


def test_an_alert_that_nobody_reports_of_any_more_is_cleared_though_the_clock_was_set_back(
    watch: AlertWatch, on_air_ref: SessionRef
) -> None:
    watch.observe([ProviderFailed(on_air_ref, NOW, "Tavus answers 503")])
    watch.tick(NOW + timedelta(seconds=10), {})
    assert Alert.objects.get().is_open
    watch.tick(NOW - timedelta(hours=1), {})
    assert not Alert.objects.get().is_open


def test_a_monitor_that_was_away_calls_no_host_silent_before_it_has_listened(db: None) -> None:
    AgentWorker.objects.create(host="atlas", host_seen_at=NOW - timedelta(minutes=5))
    watch = AlertWatch(KnownUsual())
    watch.tick(NOW, {})
    watch.tick(NOW + timedelta(seconds=4), {})
    assert not Alert.objects.exists()
    watch.tick(NOW + timedelta(seconds=6), {})
    assert Alert.objects.get().rule == "silent_host"


def test_a_step_that_takes_twice_as_long_as_usual_is_told_while_it_runs(
    watch: AlertWatch, on_air_ref: SessionRef
) -> None:
    watch.observe([StepSeen(on_air_ref, 1, 3, NOW, "starting_avatar_session", "Starting Avatar Session")])
    watch.tick(NOW + timedelta(milliseconds=700), {})
    assert not Alert.objects.exists()
    watch.tick(NOW + timedelta(milliseconds=900), {})
    alert = Alert.objects.get()
    assert (alert.rule, alert.detail) == ("slow_step", "Starting Avatar Session")
    assert alert.value == pytest.approx(3.0)
    watch.observe([StepSeen(on_air_ref, 1, 3, NOW + timedelta(seconds=2), duration_ms=2000)])
    watch.tick(NOW + timedelta(seconds=75), {})
    assert not Alert.objects.get().is_open


def test_failures_of_a_provider_are_counted_within_a_minute(watch: AlertWatch, on_air_ref: SessionRef) -> None:
    for second in (0, 20, 40):
        watch.observe([ProviderFailed(on_air_ref, NOW + timedelta(seconds=second), "Tavus answers 503")])
    alert = Alert.objects.get()
    assert (alert.rule, alert.value, alert.detail) == ("provider_errors", 1, "Tavus answers 503")
    assert (alert.severity, alert.worst) == (Severity.CRITICAL, 3)


def test_memory_that_grows_for_ten_minutes_is_told_by_its_slope(watch: AlertWatch, on_air_ref: SessionRef) -> None:
    for second in range(700):
        at = NOW + timedelta(seconds=second)
        watch.observe([Reading("memory_growth", at, 118 + second * 0.1, session=on_air_ref)])
    assert Alert.objects.get().rule == "memory_growth"


def test_two_who_raise_the_same_alert_get_one(db: None) -> None:
    fields: dict[str, Any] = {"host": "atlas", "session": None, "detail": ""}
    first = raise_alert("steal", Severity.WARNING, "host:atlas", 7, NOW, **fields)
    second = raise_alert("steal", Severity.CRITICAL, "host:atlas", 20, NOW, **fields)
    assert first == second
    assert Alert.objects.count() == 1


# -- hitches ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hitches() -> HitchWatch:
    return HitchWatch(KnownUsual())


def host_second(second: float, **figures: float) -> None:
    HostSample.objects.create(host="atlas", at=NOW + timedelta(seconds=second), cores=2, **figures)


def late(session: SessionRef, second: float, took_ms: float = 120, count: int = 3) -> LateFrames:
    return LateFrames(session, NOW + timedelta(seconds=second), took_ms, 40, count)


def test_a_run_of_late_frames_is_one_hitch_with_the_steal_of_that_moment(
    hitches: HitchWatch, on_air_ref: SessionRef
) -> None:
    hitches.observe([late(on_air_ref, 0), late(on_air_ref, 1, took_ms=300), late(on_air_ref, 2)])
    host_second(0.5, steal_percent=25.0)
    assert hitches.tick(NOW + timedelta(seconds=3)) == []
    hitches.tick(NOW + timedelta(seconds=4))
    hitch = Hitch.objects.get()
    assert (hitch.kind, hitch.cause, hitch.took_ms, hitch.count) == (HitchKind.FRAMES, HitchCause.STEAL, 300, 9)
    assert hitch.evidence["steal_percent"] == 25.0
    hitches.observe([late(on_air_ref, 60)])
    hitches.tick(NOW + timedelta(seconds=63))
    assert [each.cause for each in Hitch.objects.order_by("at")] == [HitchCause.STEAL, HitchCause.OWN_CODE]


def test_a_hitch_that_lasts_is_kept_while_it_lasts(hitches: HitchWatch, on_air_ref: SessionRef) -> None:
    for second in range(12):
        hitches.observe([late(on_air_ref, second)])
        hitches.tick(NOW + timedelta(seconds=second))
    assert Hitch.objects.get().count < 36
    hitches.tick(NOW + timedelta(seconds=14))
    assert Hitch.objects.get().count == 36


def test_a_hitch_that_lasts_is_one_though_the_monitors_clock_is_some_seconds_behind(
    hitches: HitchWatch, on_air_ref: SessionRef
) -> None:
    for second in range(20):
        hitches.observe([late(on_air_ref, second)])
        hitches.tick(NOW + timedelta(seconds=second - 5))
    for second in range(20, 30):
        hitches.tick(NOW + timedelta(seconds=second - 5))
    assert Hitch.objects.get().count == 60


def test_hitches_from_before_the_clock_was_set_back_are_kept_and_let_go(
    hitches: HitchWatch, on_air_ref: SessionRef
) -> None:
    parts = {"end_of_turn_ms": 300.0, "answer_ms": 3900.0, "voice_ms": 200.0}
    hitches.observe([late(on_air_ref, 0), TurnSeen(on_air_ref, NOW, 4400, parts)])
    an_hour_ago = NOW - timedelta(hours=1)
    assert {each.kind for each in hitches.tick(an_hour_ago)} == {HitchKind.FRAMES, HitchKind.TURN}
    assert hitches.tick(an_hour_ago + timedelta(seconds=10)) == []
    hitches.observe([late(on_air_ref, -3590)])
    hitches.tick(an_hour_ago + timedelta(seconds=20))
    assert Hitch.objects.filter(kind=HitchKind.FRAMES).count() == 2


def test_a_single_frame_that_is_a_little_late_is_no_hitch(hitches: HitchWatch, on_air_ref: SessionRef) -> None:
    hitches.observe([late(on_air_ref, 0, took_ms=44, count=1)])
    hitches.tick(NOW + timedelta(seconds=10))
    assert not Hitch.objects.exists()


def test_a_slow_answer_after_a_failure_of_a_provider_is_the_providers(
    hitches: HitchWatch, on_air_ref: SessionRef
) -> None:
    parts = {"end_of_turn_ms": 300.0, "answer_ms": 3900.0, "voice_ms": 200.0}
    hitches.observe([ProviderFailed(on_air_ref, NOW, "away"), TurnSeen(on_air_ref, NOW, 4400, parts)])
    hitches.tick(NOW + timedelta(seconds=3))
    hitch = Hitch.objects.get()
    assert (hitch.kind, hitch.cause, hitch.what, hitch.usual_ms) == ("turn", "provider", "answer", 700)


def test_a_usual_answer_is_no_hitch(hitches: HitchWatch, on_air_ref: SessionRef) -> None:
    hitches.observe([TurnSeen(on_air_ref, NOW, 1190, {})])
    hitches.tick(NOW + timedelta(seconds=3))
    assert not Hitch.objects.exists()


def test_a_slow_step_names_itself_and_what_held_it_up(hitches: HitchWatch, on_air_ref: SessionRef) -> None:
    hitches.observe([StepSeen(on_air_ref, 1, 3, NOW, "starting_avatar_session", "Starting Avatar Session")])
    host_second(1, throttled_percent=60.0)
    hitches.observe([StepSeen(on_air_ref, 1, 3, NOW + timedelta(seconds=2), duration_ms=2000)])
    hitches.tick(NOW + timedelta(seconds=5))
    hitch = Hitch.objects.get()
    assert (hitch.kind, hitch.cause, hitch.what) == ("step", "throttling", "Starting Avatar Session")


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        ({}, "own_code"),
        ({"steal_percent": 4.9}, "own_code"),
        ({"steal_percent": 6, "cpu_pressure_percent": 59}, "steal"),
        ({"cpu_pressure_percent": 90}, "cpu"),
        ({"cpu_pressure_percent": 90, "steal_percent": 30}, "steal"),
        ({"steal_percent": 6, "throttled_percent": 80}, "throttling"),
        ({"major_faults_per_s": 500, "steal_percent": 6}, "memory"),
        ({"round_trip_ms": 900}, "own_code"),  # frames are made on the host: no network is in their way
    ],
)
def test_the_figure_that_is_furthest_beyond_its_limit_names_the_cause(evidence: dict[str, float], cause: str) -> None:
    assert cause_of(HitchKind.FRAMES, evidence) == cause


# -- telling ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def alert(db: None) -> Alert:
    return raise_alert("steal", Severity.CRITICAL, "host:atlas", 91.3, NOW, host="atlas", session=None, detail="")


class Receiver:
    """A webhook's other end; `answers` are the statuses that it gives."""

    def __init__(self, answers: list[int]) -> None:
        self.got: list[tuple[str, bytes]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((self.headers["Avatary-Signature"], self.rfile.read(int(self.headers["Content-Length"]))))
                status = answers.pop(0) if answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/sign-in")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)  # a page to sign in, say
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    receiver = Receiver([500, 302])
    settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{receiver.server.server_address[1]}/hook"
    settings.ALERT_WEBHOOK_SECRET = "only we two know"
    yield receiver
    receiver.close()


def test_the_webhook_is_signed_and_told_again_after_it_failed_or_sent_us_elsewhere(
    receiver: Receiver, alert: Alert
) -> None:
    for status in ("500", "302"):
        with pytest.raises(NotTold):
            send_webhook_about(alert, "raised")
        alert.refresh_from_db()
        assert status in alert.tell_error
        assert alert.told_at is None
    send_webhook_about(alert, "raised")
    alert.refresh_from_db()
    assert alert.told_at is not None
    assert alert.tell_error == ""
    header, body = receiver.got[2]
    stamp, signature = (part.split("=")[1] for part in header.split(","))
    expected = hmac.new(b"only we two know", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == expected
    told = json.loads(body)
    assert (told["event"], told["rule"], told["severity"], told["host"]) == ("raised", "steal", "critical", "atlas")
    assert told["sentence"] == "atlas loses 91.3\u00a0% of its CPU to the machine it runs on."
    assert told["page"] == "http://testserver/hosts/atlas/"


def test_a_mail_says_what_happened_and_what_to_do(settings: Settings, alert: Alert) -> None:
    settings.ALERT_EMAILS = ["amina@museum.example"]
    send_mail_about(alert, "cleared")
    (sent,) = mail.outbox
    assert sent.subject == "[Avatary] Critical: Over: atlas loses 91.3\u00a0% of its CPU to the machine it runs on."
    assert "dedicated CPU" in sent.body
    assert "http://testserver/hosts/atlas/" in sent.body


def test_what_the_webhook_did_not_take_is_tried_again(receiver: Receiver, alert: Alert) -> None:
    tell_alert.apply((alert.pk, "raised"))
    assert len(receiver.got) == 3
    alert.refresh_from_db()
    assert alert.told_at is not None


def test_mail_that_can_not_be_sent_is_told_and_the_webhook_all_the_same(
    receiver: Receiver, settings: Settings, alert: Alert
) -> None:
    settings.ALERT_EMAILS = ["amina@museum.example"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    mail_alert.apply((alert.pk, "raised"))
    tell_alert.apply((alert.pk, "raised"))
    alert.refresh_from_db()
    assert alert.told_at is not None
    assert [error.split(":")[0] for error in alert.tell_errors] == ["Mail was not sent"]


def test_the_first_who_acknowledges_leaves_their_note(alert: Alert) -> None:
    assert acknowledge_alert(alert, "The provider knows", by="Amina")
    assert not acknowledge_alert(alert, "Me too", by="Clara")
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.note) == ("Amina", "The provider knows")


# -- from the stream --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_samples_in_the_stream_raise_an_alert(ingester: Ingester, sampler: Writer) -> None:
    cpu = CpuSample(cores=2, user_percent=7, system_percent=1, steal_percent=91)
    sampler.at = timezone.now() - timedelta(seconds=30)
    for _ in range(12):
        sampler.at += timedelta(seconds=1)
        sampler.host_sample(cpu=cpu)
    ingester.ingest_once()  # what an earlier one left
    ingester.watch(ingester.ingest_once(block_ms=10))
    assert Alert.objects.get().severity == Severity.CRITICAL


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_memory_grows_is_told_of_its_host(ingester: Ingester, sampler: Writer) -> None:
    sampler.at = timezone.now() - timedelta(seconds=700)
    for second in range(0, 700, 10):
        sampler.at += timedelta(seconds=10)
        sampler.host_sample(processes=[ProcessSample(pid=7, role="worker", uss_bytes=31 * MIB + second * 100_000)])
    ingester.ingest_once()
    ingester.watch(ingester.ingest_once(block_ms=10))
    assert [(alert.rule, alert.subject) for alert in Alert.objects.all()] == [("worker_growth", "host:atlas")]


@pytest.mark.django_db(transaction=True)
def test_a_mistake_in_alerts_does_not_keep_events_from_being_written(
    ingester: Ingester, sampler: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(AlertWatch, "tick", broken)
    sampler.host_sample()
    ingester.ingest_once()
    ingester.watch(Ingested())
    ingester.watch(ingester.ingest_once(block_ms=10))
    assert HostSample.objects.count() == 1
