"""An avatar session: its state machine, its times, and what happened in it."""

import contextlib
import uuid
from datetime import datetime
from typing import Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pydantic import JsonValue

from protocol.assets import AssetRef
from protocol.jobspec import JobSpec, ProfileSpec, SessionLimits, room_name_for
from protocol.modes import ModeSettings
from protocol.providers import BUILTIN, HOSTED, SETTINGS, TEST_CARD, files_of
from protocol.test_card import CardSettings
from sessions import assets
from sessions.knowledge.store import knowledge_references
from sessions.models.portraits import Portrait, PortraitStatus
from sessions.models.profiles import Language, ModeVersion, ProfileVersion, Provider


class State(models.TextChoices):
    """`requested -> starting -> ready <-> degraded -> stopping -> ended`."""

    REQUESTED = "requested", _("Requested")
    STARTING = "starting", _("Starting")
    READY = "ready", _("Ready")
    DEGRADED = "degraded", _("Degraded")
    STOPPING = "stopping", _("Stopping")
    ENDED = "ended", _("Ended")


LIVE_STATES: Final = (State.REQUESTED, State.STARTING, State.READY, State.DEGRADED, State.STOPPING)
ASSETS_GOOD_LONGER_S: Final = 24 * 3600
ON_AIR_STATES: Final = (State.READY, State.DEGRADED)


class EndReason(models.TextChoices):
    OPERATOR_STOPPED = "operator_stopped", _("Stopped by an operator")
    VISITOR_LEFT = "visitor_left", _("The last visitor left")
    IDLE = "idle", _("Nobody came")
    MAX_DURATION = "max_duration", _("Time limit reached")
    AGENT_LOST = "agent_lost", _("The avatar's process was lost")
    PROVIDER_FAILED = "provider_failed", _("The provider failed")
    CAPACITY = "capacity", _("No room on the host")
    DRAINED = "drained", _("The host was drained")
    FAILED = "failed", _("It could not start")


class AvatarSession(models.Model):
    """One avatar on air, from the click on Start to its end. The row is ours; the room is LiveKit's, the job a process."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    profile_version = models.ForeignKey(ProfileVersion, on_delete=models.PROTECT, related_name="sessions")
    mode_version = models.ForeignKey(ModeVersion, on_delete=models.PROTECT, related_name="sessions")
    switched_provider = models.CharField(
        max_length=40, blank=True
    )  # who draws the face since a switch; empty: the profile's
    lightens = models.BooleanField(default=False)  # goes to a lighter mode by itself where its host is short of CPU
    language = models.CharField(max_length=8, choices=Language.choices)
    host = models.CharField(max_length=64, db_index=True)
    max_duration_s = models.PositiveIntegerField()
    idle_timeout_s = models.PositiveIntegerField()
    requested_by = models.CharField(max_length=200)
    request_key = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001  (null: many rows have none)

    state = models.CharField(max_length=16, choices=State.choices, default=State.REQUESTED, db_index=True)
    state_changed_at = models.DateTimeField()
    state_detail = models.CharField(max_length=500, blank=True)  # a sentence for the operator, e.g. what is retried
    end_reason = models.CharField(max_length=32, choices=EndReason.choices, blank=True)

    attempt = models.PositiveIntegerField(default=1)  # a restart in the same room is the next attempt
    attempt_at = models.DateTimeField()
    dispatch_id = models.CharField(max_length=64, blank=True)
    job_pid = models.PositiveIntegerField(null=True)
    job_seen_at = models.DateTimeField(null=True)  # last event of the job
    empty_since = models.DateTimeField(null=True)  # since when no visitor is in the room; null while somebody is

    requested_at = models.DateTimeField(db_index=True)
    dispatched_at = models.DateTimeField(null=True)
    process_started_at = models.DateTimeField(null=True)
    connected_at = models.DateTimeField(null=True)
    first_video_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    first_audio_at = models.DateTimeField(null=True)  # somebody heard something
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-requested_at",)

    def __str__(self) -> str:
        return f"{self.profile_name} ({self.short_code})"

    @property
    def short_code(self) -> str:
        """First characters of the code: enough for people to tell sessions apart."""
        return str(self.code)[:8]

    @property
    def room(self) -> str:
        return room_name_for(str(self.code))

    @property
    def profile_name(self) -> str:
        return self.profile_version.name

    @property
    def tagline(self) -> str:
        return self.profile_version.tagline

    @property
    def mode_slug(self) -> str:
        return self.mode_version.mode.slug

    @property
    def settings(self) -> ModeSettings:
        """Of the mode that the session is in."""
        return self.settings_in(self.mode_version)

    def settings_in(self, version: ModeVersion, provider: str = "") -> ModeSettings:
        """A mode's settings, with the picture that the provider (the session's, if none is named) asks for where it has a say."""
        mode, provider = version.settings, provider or self.provider
        if provider == TEST_CARD:
            return CardSettings.model_validate(self.worn_by(provider)).applied_to(mode)
        return mode

    @property
    def provider(self) -> str:
        """Who draws the face: the profile's provider, or the one that somebody switched to."""
        return self.switched_provider or self.profile_version.provider

    @property
    def has_captions_in_picture(self) -> bool:
        """Whether what the avatar says is written in its picture."""
        is_ours = self.provider == Provider.BUILT_IN
        return is_ours and bool(self.worn_by(self.provider).get("captions_burnt_in"))

    @property
    def providers(self) -> list[str]:
        """Who may draw the face: those that the profile has settings for, and the built-in one."""
        profile = self.profile_version.as_spec()
        return [name for name in SETTINGS if name in (BUILTIN, profile.provider) or name in profile.other_settings]

    @property
    def is_drawn_here(self) -> bool:
        """The face is drawn by the session's own job, frame by frame."""
        return self.provider not in HOSTED

    def worn_by(self, provider: str) -> dict[str, JsonValue]:
        """The profile's settings for a provider; empty where it has none."""
        profile = self.profile_version.as_spec()
        return profile.provider_settings if provider == profile.provider else profile.other_settings.get(provider, {})

    def profile_spec(self) -> ProfileSpec:
        """What the job is told of the profile, with the provider that draws the face now."""
        profile = self.profile_version.as_spec()
        if self.provider == profile.provider:
            return profile
        others = {**profile.other_settings, profile.provider: profile.provider_settings}
        chosen = {
            "provider": self.provider,
            "provider_settings": others.pop(self.provider, {}),
            "other_settings": others,
        }
        return profile.model_copy(update=chosen)

    @property
    def is_live(self) -> bool:
        return self.state != State.ENDED

    @property
    def is_on_air(self) -> bool:
        """It shows its picture, well or not."""
        return self.state in ON_AIR_STATES

    def readiness_ms(self) -> dict[str, float | None]:
        """Milliseconds from the request to each milestone of the start; null for what has not happened."""
        return {
            f"{name}_ms": milliseconds_between(self.requested_at, getattr(self, f"{name}_at"))
            for name in ("dispatched", "process_started", "connected", "first_video", "first_audio", "ready")
        }

    def as_job_spec(self) -> JobSpec:
        """The order for the job that serves this session in its present attempt. Raises `AssetLost`."""
        good_until = self._assets_good_until()
        knowledge, documents = knowledge_references(self.profile_version.knowledge, good_until)
        return JobSpec(
            session_code=str(self.code),
            room=self.room,
            host=self.host,
            attempt=self.attempt,
            language=self.language,
            profile=self.profile_spec(),
            mode_slug=self.mode_slug,
            mode_version=self.mode_version.number,
            mode=self.settings,
            limits=SessionLimits(max_duration_s=self.max_duration_s, idle_timeout_s=self.idle_timeout_s),
            greeted=list(self.visits.exclude(greeted_at=None).values_list("identity", flat=True)),
            knowledge=knowledge,
            documents=documents,
            scene_files=self._scene_files(good_until),
            portrait=self._portrait_reference(good_until),
        )

    def _scene_files(self, good_until: int) -> list[AssetRef]:
        """What the profile's avatar shows of its own, by whichever provider; for what is lost the job tells the operator, and
        shows something else."""
        profile = self.profile_version.as_spec()
        found: dict[str, AssetRef] = {}
        for provider, settings in [(profile.provider, profile.provider_settings), *profile.other_settings.items()]:
            for file in files_of(provider, settings):
                with contextlib.suppress(assets.AssetLost):
                    found[file.sha256] = assets.reference(file.sha256, good_until)
        return list(found.values())

    def _portrait_reference(self, good_until: int) -> AssetRef | None:
        """The face that is worn, where there is one and it is still there: without it the job shows a drawn one."""
        code = self.profile_version.portrait
        worn = Portrait.objects.filter(code=code, status=PortraitStatus.PREPARED).first() if code else None
        try:
            return None if worn is None else assets.reference(worn.prepared, good_until)
        except assets.AssetLost:
            return None

    def _assets_good_until(self) -> int:
        """Until after the longest that the session may last; the same in every order, which is told by it from others."""
        return int(self.requested_at.timestamp()) + self.max_duration_s + ASSETS_GOOD_LONGER_S


def milliseconds_between(start: datetime, end: datetime | None) -> float | None:
    """Milliseconds from `start` to `end`, to a tenth; None where `end` has not come."""
    return None if end is None else round((end - start).total_seconds() * 1000, 1)


class SessionEvent(models.Model):
    """Something that happened in a session, for its history: a move of the state machine, a visitor, a fault."""

    class Kind(models.TextChoices):
        STATE = "state", _("State")
        VISITOR_JOINED = "visitor_joined", _("Visitor joined")
        VISITOR_LEFT = "visitor_left", _("Visitor left")
        GREETED = "greeted", _("Greeted")
        LINK = "link", _("Link")
        JOB = "job", _("Job")
        FRAMES = "frames", _("Frames")
        MODE = "mode", _("Mode")
        WARNING = "warning", _("Warning")

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=24, choices=Kind.choices)
    text = models.CharField(max_length=500)
    state = models.CharField(max_length=16, choices=State.choices, blank=True)  # of a move: where to
    by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("at", "pk")
        indexes = (models.Index(fields=("session", "at")),)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="state", state__gt="") | ~Q(kind="state"), name="a_move_names_its_state"
            ),
        )

    def __str__(self) -> str:
        return self.text
