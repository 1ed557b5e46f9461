"""Two periods beside each other: which days they hold, and what is refused."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.comparing.forms import CompareForm
from operators.models import Role
from tests.monitoring.conftest import Ended

pytestmark = pytest.mark.django_db

ApiAs = Callable[[Role], Client]


def periods(**days: date | str) -> CompareForm:
    return CompareForm({"kind": "periods", **{name: str(day) for name, day in days.items()}})


def ago(days: int) -> date:
    return timezone.localdate() - timedelta(days=days)


def test_the_other_period_is_the_days_before_where_nobody_chose_it() -> None:
    form = periods(since=ago(6), until=ago(0))
    assert form.other_days() == (ago(13), ago(7))
    assert not form.refusals


def test_both_periods_are_chosen_freely(ended: Ended) -> None:
    for days in (2, 2, 20, 40):
        ended(ago=timedelta(days=days))
    found = periods(other_since=ago(45), other_until=ago(15), since=ago(5), until=ago(1)).comparison()
    assert found is not None
    assert (found.before.sessions, found.after.sessions) == (2, 2)
    later = periods(other_since=ago(5), other_until=ago(0), since=ago(45), until=ago(35)).comparison()
    assert later is not None
    assert (later.before.sessions, later.after.sessions) == (2, 1)


def test_a_period_with_an_open_end_is_as_long_as_the_other_one() -> None:
    week = {"since": ago(6), "until": ago(0)}
    assert periods(other_since=ago(30), **week).other_days() == (ago(30), ago(24))
    assert periods(other_until=ago(30), **week).other_days() == (ago(36), ago(30))
    assert periods(other_since=ago(3), **week).other_days() == (ago(3), ago(0)), "no day that is still to come"


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"since": ago(1), "until": ago(5)}, "before it begins"),
        ({"other_since": ago(20), "other_until": ago(25)}, "before it begins"),
        ({"other_since": ago(-2)}, "is still to come"),
        ({"since": ago(-1), "until": ago(-2)}, "is still to come"),
        ({"other_until": "yesterday"}, "That is no day"),
        ({"since": "2026-02-31"}, "That is no day"),
        ({"since": "0001-01-01"}, "Nothing was measured in 1."),
        ({"since": ago(500)}, "400 days at most"),
        ({"other_since": ago(900), "other_until": ago(100)}, "400 days at most"),
    ],
)
def test_periods_that_cannot_be_are_refused_with_a_sentence(
    as_amina: Client, api_as: ApiAs, days: dict[str, object], told: str
) -> None:
    asked: dict[str, str] = {"kind": "periods", **{name: str(day) for name, day in days.items()}}
    page = as_amina.get("/reports/compare/", asked).content.decode()
    assert "Which two periods?" in page
    assert told in page.split('role="alert"')[1]
    answer = api_as(Role.VIEWER).get("/api/v1/compare", asked)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_period_that_goes_on_ends_today() -> None:
    form = periods(since=ago(6), until=ago(-20), other_since=ago(30), other_until="9999-12-31")
    assert not form.refusals
    assert (form.days(), form.other_days()) == ((ago(6), ago(0)), (ago(30), ago(0)))


def test_periods_that_overlap_are_compared_and_it_is_said(as_amina: Client, ended: Ended) -> None:
    ended(ago=timedelta(days=4))
    days = {"other_since": ago(9), "other_until": ago(3), "since": ago(5), "until": ago(0)}
    asked = {"kind": "periods", **{name: str(day) for name, day in days.items()}}
    assert "sessions of then count on both sides" in as_amina.get("/reports/compare/", asked).content.decode()
    apart = asked | {"since": str(ago(2))}
    assert "on both sides" not in as_amina.get("/reports/compare/", apart).content.decode()


def test_days_of_another_year_are_told_with_it(ended: Ended) -> None:
    year = timezone.localdate().year - 1
    found = periods(other_since=date(year, 1, 1), other_until=date(year, 1, 31), since=ago(0)).comparison()
    assert found is not None
    assert found.before.label == f"1 Jan {year} to 31 Jan {year}"
