"""What telemetry leaves behind, and what monitoring makes of it."""

from monitoring.models.alerts import Alert, Severity
from monitoring.models.digests import SessionDigest
from monitoring.models.hitches import Hitch, HitchCause, HitchKind
from monitoring.models.measured import (
    EventSource,
    FrameSample,
    HostSample,
    Report,
    SessionSample,
    SetAsideEvent,
    Turn,
    WorkflowStep,
)
from monitoring.models.media import MediaSample, ProviderReading, VisitSample
from monitoring.models.removed import RemovedTotal
from monitoring.models.rollups import HostRollup, SessionRollup
from monitoring.models.trials import Trial, TrialRun, TrialState

__all__ = [
    "Alert",
    "EventSource",
    "FrameSample",
    "Hitch",
    "HitchCause",
    "HitchKind",
    "HostRollup",
    "HostSample",
    "MediaSample",
    "ProviderReading",
    "RemovedTotal",
    "Report",
    "SessionDigest",
    "SessionRollup",
    "SessionSample",
    "SetAsideEvent",
    "Severity",
    "Trial",
    "TrialRun",
    "TrialState",
    "Turn",
    "VisitSample",
    "WorkflowStep",
]
