"""The settings of modes as people read them: in sections, with words, units and a comparison of modes."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from protocol.mode_effects import EFFECTS, Reach
from protocol.modes import ModeSettings
from sessions.models import DeploymentMode

SECTIONS: Final = (
    (_("Picture"), ("video_width", "video_height", "video_fps", "idle_fps", "tv_fps", "codec", "bitrate_kbps")),
    (_("Buffers and threads"), ("output_buffer_size", "input_buffer_size", "batch_audio_to_frames", "num_threads")),
    (_("Kept and idle pictures"), ("compress_method", "loading_mode", "process_idle_video")),
    (_("bitHuman"), ("bithuman_model", "output_width")),
    (_("Patience"), ("retries", "retry_interval_s", "timeout_s")),
    (
        _("For later releases"),
        (
            "vision_interval_s",
            "musetalk_block_s",
            "musetalk_send_interval_s",
            "musetalk_ahead_factor",
            "musetalk_batch_size",
            "musetalk_workers",
            "musetalk_gpu_memory_fraction",
        ),
    ),
)
REACHES: Final = {
    Reach.BUILT_IN: _("built-in avatar"),
    Reach.BITHUMAN_LOCAL: _("bitHuman on the host"),
    Reach.BITHUMAN_CLOUD: _("bitHuman’s cloud"),
    Reach.HOSTED: _("hosted avatars"),
    Reach.NOTHING_YET: _("nothing yet"),
}
EFFECT_LABELS: Final = (
    ("latency", _("Latency")),
    ("cpu", _("CPU")),
    ("bandwidth", _("Bandwidth")),
    ("smoothness", _("Smoothness")),
)
UNITS: Final = {"_width": "px", "_height": "px", "_fps": "fps", "_kbps": "kbit/s", "_s": "s"}


def unit_of(name: str) -> str:
    """Unit of a setting, by the end of its name; empty where it has none."""
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def label_of_setting(name: str) -> str:
    """A setting's name as words: its unit and its section stand elsewhere."""
    words = (
        name.removeprefix("musetalk_")
        .removeprefix("bithuman_")
        .removeprefix("num_")
        .removesuffix("_kbps")
        .removesuffix("_s")
    )
    words = words.replace("_", " ").replace("fps", "frame rate").replace("gpu", "GPU").replace("tv ", "TV ")
    return words[0].upper() + words[1:]


def effects_of(name: str) -> dict[str, Any]:
    """What a setting does: `lines` of label and sentence, where it `reaches`, and what is `missing`."""
    effect = EFFECTS[name]
    lines = [(label, getattr(effect, part)) for part, label in EFFECT_LABELS if getattr(effect, part)]
    return {"lines": lines, "reaches": [REACHES[reach] for reach in effect.reach], "missing": effect.missing}


def mode_comparison(modes: list[DeploymentMode]) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Each setting's value in each mode, by section; `differs` marks values unlike the most common one of the row."""
    settings = [mode.current.settings.model_dump(mode="json") for mode in modes if mode.current]
    return [(title, [_compared(name, [one[name] for one in settings]) for name in names]) for title, names in SECTIONS]


def _compared(name: str, values: list[Any]) -> dict[str, Any]:
    usual = max(values, key=values.count, default=None)
    return {
        "label": label_of_setting(name),
        "description": ModeSettings.model_fields[name].description,
        "unit": unit_of(name),
        "cells": [{"value": value, "differs": value != usual} for value in values],
    }
