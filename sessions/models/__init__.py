from sessions.models.absences import Absence
from sessions.models.avatar_session import AvatarSession, EndReason, SessionEvent, State
from sessions.models.portraits import ClipStatus, FileToForget, Portrait, PortraitStatus
from sessions.models.profiles import AvatarProfile, DeploymentMode, ModeVersion, ProfileVersion
from sessions.models.scene_uploads import SceneUpload
from sessions.models.switches import ModeSwitch, SwitchOutcome
from sessions.models.vendors import Preflight, PreflightState, ProviderConversation
from sessions.models.visits import Visit, VisitorLink
from sessions.models.workers import AgentWorker

__all__ = [
    "Absence",
    "AgentWorker",
    "AvatarProfile",
    "AvatarSession",
    "ClipStatus",
    "DeploymentMode",
    "EndReason",
    "FileToForget",
    "ModeSwitch",
    "ModeVersion",
    "Portrait",
    "PortraitStatus",
    "Preflight",
    "PreflightState",
    "ProfileVersion",
    "ProviderConversation",
    "SceneUpload",
    "SessionEvent",
    "State",
    "SwitchOutcome",
    "Visit",
    "VisitorLink",
]
