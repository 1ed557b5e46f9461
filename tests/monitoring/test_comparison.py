"""What differs between two sides, and whether it is real; what changed from one period to the next."""

import html
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from monitoring.comparing.bootstrap import MIN_CLUSTERS, difference
from monitoring.comparing.comparison import Side
from monitoring.comparing.density import density
from monitoring.models import Turn
from monitoring.reports.trends import trends
from operators.models import Role
from sessions.models import DeploymentMode
from tests.monitoring.conftest import Ended


def clusters(middle: float, *, of: int, seed: int, spread: float = 60, between: float = 30) -> list[list[float]]:
    """Answers of so many sessions, ten each; each session has a middle of its own."""
    draw = random.Random(seed)
    middles = [draw.gauss(middle, between) for _ in range(of)]
    return [[draw.gauss(own, spread) for _ in range(10)] for own in middles]


def interval(before: list[list[float]], after: list[list[float]]) -> tuple[float, float]:
    found = difference(before, after)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_a_difference_that_is_there_is_real() -> None:
    low, high = interval(clusters(700, of=20, seed=1), clusters(560, of=20, seed=2))
    assert low < -140 < high < 0


def test_nine_in_ten_intervals_of_no_difference_hold_none() -> None:
    holds = 0
    for seed in range(40):
        found = difference(clusters(700, of=12, seed=seed), clusters(700, of=12, seed=1_000 + seed))
        assert found is not None
        holds += not found.is_real
    assert 33 <= holds <= 40


def test_few_sessions_with_many_answers_tell_nothing() -> None:
    found = difference([[700.0] * 500] * (MIN_CLUSTERS - 1), [[100.0] * 500] * 50)
    assert found is not None
    assert (found.low, found.is_real, found.wanted) == (None, False, None)


def test_answers_of_one_session_count_as_one() -> None:
    """Sessions that differ from each other make the interval wide, however many answers each has."""
    sides = [clusters(700, of=8, seed=1, between=150), clusters(640, of=8, seed=2, between=150)]
    low, high = interval(*sides)
    alone_low, alone_high = interval(*([[value] for cluster in side for value in cluster] for side in sides))
    assert high - low > 1.5 * (alone_high - alone_low)


def test_the_same_rows_give_the_same_interval() -> None:
    sides = clusters(700, of=8, seed=1), clusters(690, of=8, seed=2)
    assert difference(*sides) == difference(*sides)


def test_a_mean_and_a_p95_are_weighed_too() -> None:
    before, after = [[0.0], [1.0], [2.0]] * 3, [[10.0], [11.0], [12.0]] * 3
    mean, p95 = difference(before, after, "mean"), difference(before, after, "p95")
    assert mean is not None
    assert p95 is not None
    assert (mean.change, p95.change) == (10, 10)
    assert difference([], after) is None


@pytest.mark.django_db
def test_the_lines_of_the_curves_stand_at_the_medians_that_the_table_tells() -> None:
    sides = [
        Side(name, [], [[low, low + 100], [low + 300, low + 400]] * 3) for name, low in (("a", 600.0), ("b", 400.0))
    ]
    drawn = density(*sides)
    assert drawn is not None
    assert (drawn.before_text, drawn.after_text) == ("800\u00a0ms", "600\u00a0ms")


def test_the_page_says_in_a_sentence_whether_a_mode_answers_sooner(as_amina: Client, ended: Ended) -> None:
    quick = DeploymentMode.objects.get(slug="ultra-low-latency")
    for number in range(6):
        for mode, first_sound_ms in ((None, 700), (quick, 560)):
            digest = ended(mode=mode, ago=timedelta(hours=number))
            for turn in range(4):
                Turn.objects.create(
                    session=digest.session, at=digest.requested_at, typed=False, language="en", words=3,
                    end_of_turn_ms=200, first_sound_ms=first_sound_ms + 3 * number + turn, interrupted=False,
                )  # fmt: skip
    page = as_amina.get("/reports/compare/?kind=modes&a=balanced&b=ultra-low-latency").content.decode()
    assert "ultra-low-latency answers 140\u00a0ms sooner than balanced, and that is real." in page
    assert "6 sessions" in page
    other = as_amina.get("/reports/compare/?kind=modes&a=balanced&b=stable").content.decode()
    assert "There is nothing to compare yet." in other


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("kind=sessions&first=nonsense&second=", "That is no session&#x27;s code."),
        ("kind=periods&since=9999-99-99&until=0001-01-01", "That is no day"),
        ("kind=modes&a=unknown&b=balanced", "“unknown” can&#x27;t be chosen"),
        ("kind=modes&profile=1", "“1” is not a valid UUID"),
        ("kind=modes&since=2026-01-31&until=2026-01-01", "before it begins"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence_and_nothing_is_compared(
    as_amina: Client, ended: Ended, query: str, told: str
) -> None:
    ended()
    answer = as_amina.get(f"/reports/compare/?{query}")
    assert answer.context["found"] is None
    assert told in answer.content.decode().split('role="alert"')[1]


@pytest.mark.django_db
def test_two_sessions_are_compared_by_their_own_answers(as_amina: Client, ended: Ended) -> None:
    codes = [ended().session.code for _ in range(2)]
    page = as_amina.get(f"/reports/compare/?kind=sessions&first={codes[0]}&second={codes[1]}").content.decode()
    assert "One session of each says nothing about their modes" in page


@pytest.mark.django_db
def test_the_page_shows_what_it_compares_where_nobody_has_chosen(as_amina: Client, ended: Ended) -> None:
    ended()
    shown = as_amina.get("/reports/compare/").content.decode()
    assert '<option value="balanced" selected>' in shown.split('name="a"')[1].split("</select>")[0]
    assert '<option value="balanced" selected>' not in shown.split('name="b"')[1].split("</select>")[0]


@pytest.mark.django_db
def test_sessions_to_compare_are_chosen_from_a_list(as_amina: Client, ended: Ended) -> None:
    session = ended().session
    shown = as_amina.get("/reports/compare/?kind=sessions").content.decode()
    assert f'<option value="{session.code}">' in shown.split('name="second"')[1].split("</select>")[0]


@pytest.mark.django_db
def test_trends_tell_the_change_against_the_period_before(ended: Ended) -> None:
    from django.db.models import Q
    from django.utils import timezone

    now = timezone.now()
    for hours in (1, 2, 3):
        ended(ago=timedelta(hours=hours), answer_ms=600)
        ended(ago=timedelta(days=1, hours=hours), answer_ms=800)
    ended(ago=timedelta(hours=1), answer_ms=9_000, switched=True)
    lines = trends(Q(), now - timedelta(days=1), now)
    answer = next(cell for cell in lines[0].cells if cell.metric.name == "answer_ms")
    assert (answer.now, answer.before, answer.tone, answer.change_text) == (600, 800, "better", "−25\u00a0%")


@pytest.mark.django_db
def test_the_history_filters(as_amina: Client, ended: Ended) -> None:
    well, failed = ended(), ended(is_failure=True, end_reason="agent_lost", host="borealis")
    for query, shown, hidden in (
        ("outcome=failed", failed, well), ("outcome=well", well, failed), ("outcome=reason-agent_lost", failed, well),
    ):  # fmt: skip
        page = as_amina.get(f"/reports/?{query}").content.decode()
        assert shown.session.short_code in page
        assert hidden.session.short_code not in page
    assert as_amina.get("/reports/?page=999999").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=x", "That is no day"),
        ("since=0001-01-01", "Nothing was measured in 1."),
        ("since=9998-12-31", "is still to come"),
        ("since=2020-01-01", "400 days at most"),
        ("mode=%00", "Null characters are not allowed."),
        ("host=gone", "“gone” can&#x27;t be chosen"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_a_sentence_and_lists_nothing(
    as_amina: Client, api_as: Callable[[Role], Client], ended: Ended, query: str, told: str
) -> None:
    digest = ended()
    page = as_amina.get(f"/reports/?{query}").content.decode()
    assert told in page.split('role="alert"')[1]
    assert digest.session.short_code not in page
    answer = api_as(Role.VIEWER).get(f"/api/v1/reports?{query}")
    assert answer.status_code == 422
    assert html.unescape(told) in answer.json()["detail"]
