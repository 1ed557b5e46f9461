"""The workflow steps of a session's start, and what people call them."""

from enum import StrEnum
from typing import Final


class StepKey(StrEnum):
    """Workflow steps of a job (the names of `STEP_LABELS` are those of the field report on start-up)."""

    CONNECTION = "connection_initialization"
    CONFIGURATION = "session_agent_configuration"
    AVATAR = "starting_avatar_session"
    VOICE_MODEL = "voice_model_loading"
    GREETING_SOUND = "greeting_sound_preparation"
    SPEECH_MODEL = "speech_recognition_model_loading"
    TURN_MODEL = "turn_detection_model_loading"
    KNOWLEDGE = "knowledge_loading"
    VISION_STARTUP = "vision_processing_startup"
    VISION_ANALYSIS = "vision_analysis"
    FACE_RECOGNITION = "face_recognition"
    FACE_MODEL = "insightface_model_loading"
    FIRST_GREETING = "deliver_first_greeting"


STEP_LABELS: Final[dict[str, str]] = {
    StepKey.CONNECTION: "Connection Initialization",
    StepKey.CONFIGURATION: "Session & Agent Configuration",
    StepKey.AVATAR: "Starting Avatar Session",
    StepKey.VOICE_MODEL: "Voice Model Loading",
    StepKey.GREETING_SOUND: "Greeting Sound Preparation",
    StepKey.SPEECH_MODEL: "Speech Recognition Model Loading (Lazy)",
    StepKey.TURN_MODEL: "Turn Detection Model Loading (Lazy)",
    StepKey.KNOWLEDGE: "Knowledge Loading",
    StepKey.VISION_STARTUP: "Vision Processing Startup",
    StepKey.VISION_ANALYSIS: "Vision Analysis",
    StepKey.FACE_RECOGNITION: "Face Recognition",
    StepKey.FACE_MODEL: "InsightFace Model Loading (Lazy)",
    StepKey.FIRST_GREETING: "Deliver First Greeting",
}
