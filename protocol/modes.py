"""Settings of a deployment mode, with units and bounds, and the five built-in modes."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator


class VideoCodec(StrEnum):
    H264 = "h264"
    VP8 = "vp8"


class CompressMethod(StrEnum):
    NONE = "NONE"
    JPEG = "JPEG"
    TEMP_FILE = "TEMP_FILE"


class LoadingMode(StrEnum):
    SYNC = "SYNC"
    ASYNC = "ASYNC"
    ON_DEMAND = "ON_DEMAND"


class BithumanModel(StrEnum):
    ESSENCE = "essence"
    EXPRESSION = "expression"


class ModeSettings(BaseModel):
    """All settings of a deployment mode. Immutable: a changed mode is a new version.

    Raises `pydantic.ValidationError` for a value out of bounds or an unknown field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Picture (built-in renderer)
    video_width: Annotated[int, Field(ge=160, le=1920, multiple_of=2, description="Width of the picture, pixels.")]
    video_height: Annotated[int, Field(ge=120, le=1080, multiple_of=2, description="Height of the picture, pixels.")]
    video_fps: Annotated[int, Field(ge=1, le=60, description="Frames a second.")]
    idle_fps: Annotated[
        int, Field(ge=1, le=60, description="Frames a second while nothing is said; at most the frame rate.")
    ] = 15
    tv_fps: Annotated[int, Field(ge=1, le=60, description="Frames a second of the TV inside the scene.")] = 15
    codec: Annotated[VideoCodec, Field(description="Video codec that the job publishes.")] = VideoCodec.H264
    bitrate_kbps: Annotated[int, Field(ge=100, le=20_000, description="Upper limit of the video bit rate, kbit/s.")] = (
        2_500
    )

    # Buffers
    output_buffer_size: Annotated[
        int,
        Field(ge=1, le=50, description="Frames queued ahead: more rides out hitches, each adds one frame of delay."),
    ]
    input_buffer_size: Annotated[
        int, Field(ge=0, le=500, description="Audio blocks queued before the speaker is held back; 0 is unbounded.")
    ]
    batch_audio_to_frames: Annotated[
        bool, Field(description="Hand sound to the renderer in whole video frames (16 kHz: 640 samples at 25 fps).")
    ] = True
    num_threads: Annotated[int, Field(ge=-1, le=64, description="Renderer threads: 0 is one, -1 chooses by the host.")]

    # bitHuman
    bithuman_model: Annotated[BithumanModel, Field(description="bitHuman model.")] = BithumanModel.ESSENCE
    output_width: Annotated[
        int, Field(ge=160, le=3840, multiple_of=2, description="Longest side of a provider's picture, pixels.")
    ]
    compress_method: Annotated[CompressMethod, Field(description="How cached pictures are kept in memory.")]
    loading_mode: Annotated[LoadingMode, Field(description="When pictures of the avatar are loaded.")]
    process_idle_video: Annotated[bool, Field(description="Compose frames while nothing is said.")]

    # MuseTalk
    musetalk_block_s: Annotated[float, Field(gt=0, le=10, description="Length of one audio block, seconds.")] = 2.0
    musetalk_send_interval_s: Annotated[float, Field(gt=0, le=10, description="Pause between two blocks, seconds.")] = (
        1.8
    )
    musetalk_ahead_factor: Annotated[float, Field(ge=1, le=4, description="Generation speed over playback speed.")] = (
        1.1
    )
    musetalk_batch_size: Annotated[int, Field(ge=1, le=64, description="Frames generated together.")] = 8
    musetalk_workers: Annotated[int, Field(ge=1, le=64, description="Parallel workers.")] = 4
    musetalk_gpu_memory_fraction: Annotated[float, Field(gt=0, le=1, description="Share of the GPU's memory.")] = 0.8

    # Patience with a service that does not answer (LiveKit at start, a provider)
    retries: Annotated[int, Field(ge=0, le=20, description="How often a failed start is tried again.")]
    retry_interval_s: Annotated[float, Field(gt=0, le=60, description="Pause before a further try, seconds.")]
    timeout_s: Annotated[float, Field(gt=0, le=300, description="How long one try may take, seconds.")]

    vision_interval_s: Annotated[
        float | None, Field(gt=0, le=600, description="Seconds between two looks at the visitor; empty is off.")
    ] = None

    @model_validator(mode="after")
    def _idle_rate_within_frame_rate(self) -> "ModeSettings":
        if self.idle_fps > self.video_fps:
            raise ValueError(
                f"idle_fps ({self.idle_fps}) is above video_fps ({self.video_fps}); lower it to the frame rate or less"
            )
        return self

    @property
    def frame_budget_ms(self) -> float:
        """Time that one frame may take, milliseconds."""
        return 1000 / self.video_fps

    @property
    def provider_size(self) -> tuple[int, int]:
        """Width and height that a provider's runtime is asked for, pixels: the longest side is `output_width`."""
        share = self.output_width / max(self.video_width, self.video_height)
        return round(self.video_width * share / 2) * 2, round(self.video_height * share / 2) * 2

    @property
    def pixel_rate(self) -> int:
        """Pixels a second: how heavy a mode is beside another one."""
        return self.video_width * self.video_height * self.video_fps


DEFAULT_MODE_SLUG: Final = "balanced"

BUILT_IN_MODES: Final[dict[str, ModeSettings]] = {
    "ultra-low-latency": ModeSettings(
        video_width=960,
        video_height=540,
        video_fps=25,
        bitrate_kbps=1_800,
        output_buffer_size=2,
        input_buffer_size=0,
        num_threads=-1,
        output_width=960,
        compress_method=CompressMethod.NONE,
        loading_mode=LoadingMode.ASYNC,
        process_idle_video=False,
        retries=3,
        retry_interval_s=0.5,
        timeout_s=10,
        vision_interval_s=2,
    ),
    "balanced": ModeSettings(
        video_width=1280,
        video_height=720,
        video_fps=25,
        output_buffer_size=3,
        input_buffer_size=2,
        num_threads=-1,
        output_width=1280,
        compress_method=CompressMethod.JPEG,
        loading_mode=LoadingMode.ASYNC,
        process_idle_video=True,
        retries=5,
        retry_interval_s=1.5,
        timeout_s=20,
        vision_interval_s=4,
    ),
    "stable": ModeSettings(
        video_width=1280,
        video_height=720,
        video_fps=30,
        output_buffer_size=5,
        input_buffer_size=5,
        num_threads=0,
        output_width=1280,
        compress_method=CompressMethod.JPEG,
        loading_mode=LoadingMode.ASYNC,
        process_idle_video=True,
        retries=5,
        retry_interval_s=2,
        timeout_s=30,
        vision_interval_s=8,
    ),
    "constrained": ModeSettings(
        video_width=640,
        video_height=360,
        video_fps=15,
        idle_fps=10,
        tv_fps=10,
        bitrate_kbps=700,
        output_buffer_size=3,
        input_buffer_size=2,
        num_threads=0,
        output_width=720,
        compress_method=CompressMethod.JPEG,
        loading_mode=LoadingMode.ON_DEMAND,
        process_idle_video=False,
        retries=5,
        retry_interval_s=2,
        timeout_s=30,
    ),
    "exhibition": ModeSettings(
        video_width=1920,
        video_height=1080,
        video_fps=30,
        bitrate_kbps=5_000,
        output_buffer_size=5,
        input_buffer_size=5,
        num_threads=-1,
        bithuman_model=BithumanModel.EXPRESSION,
        output_width=1280,
        compress_method=CompressMethod.NONE,
        loading_mode=LoadingMode.SYNC,
        process_idle_video=True,
        retries=5,
        retry_interval_s=2,
        timeout_s=30,
        vision_interval_s=4,
    ),
}
