"""How long things usually take in a session's mode: what slow is measured against. Asked once a minute a mode."""

import time
from statistics import median
from typing import Final

from django.utils import timezone

from monitoring.models import Turn
from monitoring.samples.queries import USUAL_STEPS_OF, usual_step_durations_ms
from sessions.models import AvatarSession, DeploymentMode

ASK_EVERY_S: Final = 60.0
FEWEST_TURNS: Final = 5
MOST_TURNS: Final = 400


class Usual:
    """Remembers for a minute what it asked of the database."""

    def __init__(self) -> None:
        self._modes: dict[int, tuple[float, int]] = {}  # session -> asked, mode
        self._steps: dict[int, tuple[float, dict[str, float]]] = {}
        self._turns: dict[int, tuple[float, float | None]] = {}

    def step_ms(self, session_pk: int, key: str) -> float | None:
        """Median of the step `key`; None where it is not known yet."""
        mode = self._mode_of(session_pk)
        known = self._steps.get(mode)
        if known is None or _is_old(known[0]):
            found = usual_step_durations_ms(DeploymentMode.objects.get(pk=mode))
            known = self._steps[mode] = (time.monotonic(), found)
        return known[1].get(key)

    def turn_ms(self, session_pk: int) -> float | None:
        """Median time until an answer's first sound; None before a few turns were heard."""
        mode = self._mode_of(session_pk)
        known = self._turns.get(mode)
        if known is None or _is_old(known[0]):
            rows = Turn.objects.filter(
                session__mode_version__mode=mode, first_sound_ms__isnull=False, at__gt=timezone.now() - USUAL_STEPS_OF
            )
            values = [
                value or 0.0 for value in rows.order_by("-at").values_list("first_sound_ms", flat=True)[:MOST_TURNS]
            ]
            known = self._turns[mode] = (time.monotonic(), median(values) if len(values) >= FEWEST_TURNS else None)
        return known[1]

    def _mode_of(self, session_pk: int) -> int:
        known = self._modes.get(session_pk)
        if known is None or _is_old(known[0]):  # a switch may have changed it
            self._modes = {pk: each for pk, each in self._modes.items() if not _is_old(each[0])}
            mode = AvatarSession.objects.values_list("mode_version__mode", flat=True).get(pk=session_pk)
            known = self._modes[session_pk] = (time.monotonic(), mode)
        return known[1]


def _is_old(asked_s: float) -> bool:
    return time.monotonic() - asked_s > ASK_EVERY_S
