"""What each setting of a mode does, in a sentence for each thing that a tuner cares about, and where it has any effect.

After the impact tables of the field's reports on bitHuman, of a placeholder renderer and of MuseTalk, and checked against what
this release does: tests measure each effect on the built-in renderer that is told here.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from protocol.modes import ModeSettings


class Reach(StrEnum):
    """Where a setting has its effect."""

    BUILT_IN = "builtin"  # and the test card
    BITHUMAN_LOCAL = "bithuman-local"
    BITHUMAN_CLOUD = "bithuman-cloud"
    HOSTED = "hosted"  # all that are drawn elsewhere
    NOTHING_YET = "nothing-yet"  # kept for what a later release draws or sees with


HERE: Final = (Reach.BUILT_IN, Reach.BITHUMAN_LOCAL)


class Effect(NamedTuple):
    """Each a sentence, empty where there is none. `missing` says where one would expect an effect and there is none."""

    reach: tuple[Reach, ...]
    latency: str = ""
    cpu: str = ""
    bandwidth: str = ""
    smoothness: str = ""
    missing: str = ""


_SDK: Final = "No effect in bitHuman’s SDK of today, which no longer reads it."
_NOT_YET: Final = (Reach.NOTHING_YET,)
_MUSETALK: Final = "No effect in this release, which has no MuseTalk renderer."

EFFECTS: Final[dict[str, Effect]] = {
    "video_width": Effect(
        (Reach.BUILT_IN,),
        cpu="Grows with the number of pixels: half the width is about half the work.",
        bandwidth="Fewer pixels need less, up to the bit rate’s limit.",
        smoothness="Too many for the host, and frames come late.",
    ),
    "video_height": Effect(
        (Reach.BUILT_IN,),
        cpu="Grows with the number of pixels: half the height is about half the work.",
        bandwidth="Fewer pixels need less, up to the bit rate’s limit.",
        smoothness="Too many for the host, and frames come late.",
    ),
    "video_fps": Effect(
        (Reach.BUILT_IN,),
        latency="The mouth answers a sound at the next frame: 40 ms at 25 fps, 67 ms at 15.",
        cpu="Grows with the rate.",
        bandwidth="Grows with the rate, up to the bit rate’s limit.",
        smoothness="More is smoother, as long as the host keeps up; speech needs 15 or more.",
        missing="bitHuman draws at 25 fps whatever is set.",
    ),
    "idle_fps": Effect(
        (Reach.BUILT_IN,),
        cpu="Less while nobody speaks.",
        bandwidth="Less while nobody speaks.",
        smoothness="Breathing and blinks look stepped below 10.",
    ),
    "tv_fps": Effect(
        (Reach.BUILT_IN,),
        cpu="Each new picture of the TV is decoded, scaled and lit; slides cost nothing.",
        smoothness="Films on the TV look stepped below 10.",
    ),
    "codec": Effect(
        HERE,
        cpu="VP8 takes about a third more to encode.",
        bandwidth="H.264 looks better at the same rate; VP8 plays on the few devices without it.",
    ),
    "bitrate_kbps": Effect(
        HERE,
        bandwidth="Never more than this for the picture; sound takes about 50 more.",
        smoothness="Too little makes blocks in the picture; more than a visitor’s network makes it stop.",
    ),
    "output_buffer_size": Effect(
        HERE,
        latency="One frame’s time for each, 100 ms at least: 5 are 200 ms at 25 fps.",
        smoothness="Rides out hitches as long as the buffer: 2 show most of them, 5 hide most.",
    ),
    "input_buffer_size": Effect(
        HERE,
        latency="Small ones keep little to throw away when the visitor interrupts.",
        smoothness="0 never holds the voice back, whatever piles up; small ones hold it back to the picture’s pace.",
    ),
    "batch_audio_to_frames": Effect(
        (Reach.BUILT_IN,),
        latency="Off saves up to one frame’s time.",
        cpu="On, each frame has one look at its sound instead of two or three.",
        smoothness="On, lips and sound can’t drift: each frame has exactly its own samples.",
    ),
    "num_threads": Effect(
        HERE,
        latency="More draw a large frame sooner.",
        cpu="The same work on more cores; with one core free, more threads only wait for each other.",
        smoothness="Helps where one core is too slow for the size; −1 takes up to 4.",
    ),
    "compress_method": Effect(
        (Reach.BUILT_IN,),
        latency="JPEG adds up to 1 ms to a frame at 720p, TEMP_FILE half of that.",
        cpu="JPEG: up to 2 % of a core more while it speaks, for as many kept states in a third less memory.",
        smoothness="NONE: nothing has to be unpacked within a frame’s time.",
        missing=_SDK,
    ),
    "loading_mode": Effect(
        (Reach.BUILT_IN,),
        latency="SYNC starts about 0.3 s later, by what it draws ahead; ASYNC and ON_DEMAND start at once.",
        cpu="ON_DEMAND draws only what is shown; SYNC and ASYNC draw all shapes of the mouth once.",
        smoothness="SYNC: the first words are as smooth as the last; ON_DEMAND: each first shape may come late.",
        missing=_SDK,
    ),
    "process_idle_video": Effect(
        (Reach.BUILT_IN,),
        cpu="Off, a silent avatar costs next to nothing.",
        bandwidth="Off, one frame a second is sent while nobody speaks.",
        smoothness="Off, the face stands still between sentences; On, it breathes and blinks.",
        missing=_SDK,
    ),
    "bithuman_model": Effect(
        (Reach.BITHUMAN_CLOUD,),
        latency="essence answers sooner.",
        cpu="None here: bitHuman draws. expression costs twice the credits.",
        smoothness="expression moves the whole face.",
        missing="A model file on the host says itself which model it is.",
    ),
    "output_width": Effect(
        (Reach.BITHUMAN_LOCAL,),
        cpu="Grows with the number of pixels.",
        bandwidth="Fewer pixels need less, up to the bit rate’s limit.",
        missing="Clouds choose their own size.",
    ),
    "musetalk_block_s": Effect(_NOT_YET, latency="A block has to be complete.", missing=_MUSETALK),
    "musetalk_send_interval_s": Effect(
        _NOT_YET, smoothness="Shorter than a block, none is waited for.", missing=_MUSETALK
    ),
    "musetalk_ahead_factor": Effect(
        _NOT_YET, smoothness="Above 1, pictures are there before their sound.", missing=_MUSETALK
    ),
    "musetalk_batch_size": Effect(_NOT_YET, latency="Larger ones take longer to fill.", missing=_MUSETALK),
    "musetalk_workers": Effect(_NOT_YET, cpu="As many cores as workers.", missing=_MUSETALK),
    "musetalk_gpu_memory_fraction": Effect(_NOT_YET, missing=_MUSETALK),
    "retries": Effect(
        (*HERE, Reach.HOSTED), latency="Of a start that fails: each try adds its pause and its time limit."
    ),
    "retry_interval_s": Effect(
        (*HERE, Reach.HOSTED),
        latency="Of a start that fails. Short ones come back sooner; a vendor that is short of breath needs longer ones.",
    ),
    "timeout_s": Effect(
        (*HERE, Reach.HOSTED),
        latency="Of a start that hangs: the voice goes on with the still picture, and the next try begins after it.",
    ),
    "vision_interval_s": Effect(
        _NOT_YET,
        cpu="Each look takes a moment of a core.",
        missing="No effect in this release, which sees no visitors.",
    ),
}


def contradictions(settings: ModeSettings) -> dict[str, str]:
    """By setting, a sentence for what can't be together though each is within its bounds. Versions that are stored already are
    read whatever this says; new ones are refused."""
    found = {}
    if settings.tv_fps > settings.video_fps:
        found["tv_fps"] = (
            f"The TV can’t change {settings.tv_fps} times a second in a picture that changes {settings.video_fps} times. "
            f"Give at most {settings.video_fps}."
        )
    longest = 2 * settings.video_fps
    if settings.output_buffer_size > longest:
        found["output_buffer_size"] = (
            f"{settings.output_buffer_size} frames are {settings.output_buffer_size / settings.video_fps:.1f} s at "
            f"{settings.video_fps} fps, and the player holds 2 s at most. Give at most {longest}."
        )
    least_kbps = round(settings.pixel_rate * 0.01 / 1000)
    if settings.bitrate_kbps < least_kbps:
        found["bitrate_kbps"] = (
            f"{settings.video_width} × {settings.video_height} at {settings.video_fps} fps is nothing but blocks in "
            f"{settings.bitrate_kbps} kbit/s. Give at least {least_kbps}, or make the picture smaller."
        )
    if settings.musetalk_send_interval_s > settings.musetalk_block_s:
        found["musetalk_send_interval_s"] = (
            f"Blocks of {settings.musetalk_block_s:g} s sent every {settings.musetalk_send_interval_s:g} s leave gaps. "
            f"Give at most {settings.musetalk_block_s:g}."
        )
    return found
