"""What a switch is predicted to change, and whether it did."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.switching.predictions import Line, plain_percent, predict
from monitoring.switching.switches import Spell
from operators.templatetags.formatting import plain_ms
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, SwitchOutcome

BUILT_IN = ("builtin", "builtin")


def line(**fields: object) -> Line:
    return Line(**{"label": "Answer", "words": plain_ms, "now": 700.0, "predicted": 800.0, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measured", "verdict"), [(None, ""), (760.0, "as"), (890.0, "as"), (960.0, "above"), (700.0, "below")]
)
def test_a_measured_figure_is_judged_by_the_range_of_past_sessions(measured: float | None, verdict: str) -> None:
    assert line(range=(750.0, 900.0), measured=measured).verdict == verdict


def test_without_a_range_near_is_as_predicted() -> None:
    assert [line(measured=measured).verdict for measured in (650.0, 950.0, 1200.0, 500.0)] == [
        "as", "as", "above", "below",
    ]  # fmt: skip
    assert line(predicted=None, measured=900.0).verdict == ""


def test_a_range_is_told_with_its_unit_once_where_both_ends_have_the_same() -> None:
    assert line(range=(750.0, 900.0)).range_text == "750 to 900\u00a0ms"
    assert line(range=(750.0, 1500.0)).range_text == "750\u00a0ms to 1.50\u00a0s"
    assert line(words=plain_percent, range=(9.4, 18.0)).range_text == "9.4 to 18\u00a0%"


@pytest.mark.django_db
def test_the_gap_comes_from_such_switches_alone(start: Callable[..., AvatarSession]) -> None:
    session, now = start(), timezone.now()
    modes = {slug: DeploymentMode.objects.get(slug=slug) for slug in ("balanced", "stable", "constrained")}
    newest = {slug: mode.versions.latest("number") for slug, mode in modes.items()}

    def switched(to: str, gap_ms: float | None, providers: tuple[str, str] = BUILT_IN, ago_s: int = 60) -> None:
        ModeSwitch.objects.create(
            session=session, from_version=newest["balanced"], to_version=newest[to],
            from_provider=providers[0], to_provider=providers[1], requested_by="Amina",
            requested_at=now - timedelta(seconds=ago_s), finished_at=now, outcome=SwitchOutcome.APPLIED, gap_ms=gap_ms,
        )  # fmt: skip

    for gap_ms in (90.0, 100.0, 130.0, None):
        switched("stable", gap_ms)
    switched("constrained", 300.0)
    switched("stable", 900.0, ("builtin", "tavus"))
    switched("stable", 5000.0, ago_s=10)
    before = now - timedelta(seconds=30)
    stable = predict(modes["stable"], session.host, Spell(), providers=BUILT_IN, until=before)
    assert (stable.gap.predicted, stable.gaps, stable.sessions) == (100.0, 3, 0)
    assert stable.sentence == "Visitors see the picture hold for about 100\u00a0ms."
    tavus = predict(modes["balanced"], session.host, Spell(), providers=("bey", "tavus"))
    assert tavus.gap.predicted == 900.0
    assert predict(modes["balanced"], session.host, Spell(), providers=BUILT_IN).sentence == ""
