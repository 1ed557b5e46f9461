"""What changes between two modes, setting by setting, in words and units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from pydantic import JsonValue

from protocol.mode_effects import EFFECTS, Reach
from protocol.modes import ModeSettings
from protocol.providers import BITHUMAN, HOSTED, Place
from sessions.models.switches import provider_name
from sessions.modes.settings import SECTIONS, label_of_setting, unit_of

NO_BREAK: Final = "\u00a0"
SIZE: Final = ("video_width", "video_height")  # shown as one

LABELS: Final = {
    "video_width": gettext_lazy("Picture"),
    "video_fps": gettext_lazy("Frame rate"),
    "idle_fps": gettext_lazy("Frame rate while silent"),
    "tv_fps": gettext_lazy("Frame rate of the TV"),
    "bitrate_kbps": gettext_lazy("Bit rate, at most"),
    "batch_audio_to_frames": gettext_lazy("Sound in whole frames"),
    "num_threads": gettext_lazy("Render threads"),
    "bithuman_model": gettext_lazy("bitHuman model"),
    "output_width": gettext_lazy("Provider’s picture, longest side"),
    "compress_method": gettext_lazy("Kept pictures"),
    "loading_mode": gettext_lazy("Pictures are loaded"),
    "process_idle_video": gettext_lazy("Frames while silent"),
    "retries": gettext_lazy("Tries after a failed one"),
    "retry_interval_s": gettext_lazy("Pause before a further try"),
    "timeout_s": gettext_lazy("Time-out of a try"),
    "vision_interval_s": gettext_lazy("Vision"),
}
WORDS: Final = {
    "h264": "H.264",
    "vp8": "VP8",
    "NONE": gettext_lazy("as they are"),
    "JPEG": gettext_lazy("as JPEG"),
    "TEMP_FILE": gettext_lazy("in a file"),
    "SYNC": gettext_lazy("before READY"),
    "ASYNC": gettext_lazy("behind READY"),
    "ON_DEMAND": gettext_lazy("when first needed"),
}


def _frames(count: int) -> str:
    return ngettext("%(n)d frame", "%(n)d frames", count) % {"n": count}


def _blocks(count: int) -> str:
    return ngettext("%(n)d audio block", "%(n)d audio blocks", count) % {"n": count} if count else _("unbounded")


def _threads(count: int) -> str:
    return _("automatic") if count < 0 else str(max(1, count))


def _every(seconds: float | None) -> str:
    return _("off") if seconds is None else _("every %(s)g s") % {"s": seconds}


IN_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "output_buffer_size": _frames,
    "input_buffer_size": _blocks,
    "num_threads": _threads,
    "vision_interval_s": _every,
}


@dataclass(frozen=True)
class Change:
    """A setting whose value differs: its label, the value now and the one to come, in words with units."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """`felt` change what the session's avatar does, `idle` belong to other providers; `same` settings keep their value."""

    felt: list[Change]
    idle: list[Change]
    same: int


def changes_between(
    before: ModeSettings, after: ModeSettings, *, providers: tuple[str, str], worn: Mapping[str, JsonValue]
) -> Changes:
    """What a switch from one mode to the other changes, and from one provider to the other, whose settings are `worn`."""
    reaches = _reaches(providers[1], worn)
    felt: list[Change] = []
    if providers[0] != providers[1]:
        felt.append(Change(_("Who draws the face"), provider_name(providers[0]), provider_name(providers[1])))
    idle: list[Change] = []
    same = 0
    names = [name for _title, names in SECTIONS for name in names if name != "video_height"]
    for name in names:
        old, new = _value(before, name), _value(after, name)
        if old == new:
            same += 1
            continue
        change = Change(_label(name), _words(name, old), _words(name, new))
        (felt if reaches.intersection(EFFECTS[name].reach) else idle).append(change)
    return Changes(felt, idle, same)


def _value(settings: ModeSettings, name: str) -> Any:
    return tuple(getattr(settings, part) for part in SIZE) if name == "video_width" else getattr(settings, name)


def _label(name: str) -> str:
    return str(LABELS.get(name) or label_of_setting(name))


def _words(name: str, value: Any) -> str:
    if name == "video_width":
        return " × ".join(str(side) for side in value)
    if name in IN_WORDS:
        return IN_WORDS[name](value).replace(" ", NO_BREAK)
    if value is None:
        return _("off")
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, (int, float)):
        return f"{value:g}{NO_BREAK}{unit_of(name)}".rstrip(NO_BREAK)
    return str(WORDS.get(str(value), value))


def _reaches(provider: str, worn: Mapping[str, JsonValue]) -> set[Reach]:
    """Which settings a provider feels."""
    if provider not in HOSTED:
        return {Reach.BUILT_IN}
    if provider == BITHUMAN:
        return {Reach.HOSTED, Reach.BITHUMAN_LOCAL if worn.get("place") == Place.LOCAL else Reach.BITHUMAN_CLOUD}
    return {Reach.HOSTED}
