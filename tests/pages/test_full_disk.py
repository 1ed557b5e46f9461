"""What people read while the database takes no writes: calm sentences, no error page."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from monitoring import standstill
from operators.models import Operator, Role
from sessions.models import AvatarSession
from tests.full_disk import limit_pages

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite can be told how large its file may be"),
]
NO_LIMIT = "1073741823"
PASSWORD = "a-long-enough-one"


@pytest.fixture
def known(amina: Operator) -> Operator:
    amina.set_password(PASSWORD)
    amina.save()
    return amina


@pytest.fixture
def full_disk(known: Operator) -> Iterator[None]:
    """No row has room any more, nor anywhere in the pages that the file has."""
    limit_pages("1")  # the limit is never smaller than the file is
    for size in (3_000, 30):
        with suppress(OperationalError):
            while True:
                Session.objects.create(session_key=uuid4().hex, session_data="x" * size, expire_date=timezone.now())
    yield
    limit_pages(NO_LIMIT)


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


def test_signing_in_on_a_full_disk_says_what_to_do(browser: Client, full_disk: None) -> None:
    entered = {"username": "amina", "password": PASSWORD, "next": "/modes/"}
    told = browser.post("/sign-in/", entered, headers={"referer": "http://testserver/sign-in/?next=/modes/"})
    page = told.content.decode()
    assert told.status_code == 503
    for said in ("The disk of the database is full.", "was not kept", "Free space there, then try again."):
        assert said in page
    assert 'href="http://testserver/sign-in/?next=/modes/"' in page
    limit_pages(NO_LIMIT)
    assert browser.post("/sign-in/", entered)["Location"] == "/modes/"


def test_an_action_on_a_full_disk_is_refused_in_words(
    browser: Client, known: Operator, session: AvatarSession, api_as: Callable[[Role], Client], request: Any
) -> None:
    browser.force_login(known)
    automation = api_as(Role.OPERATOR)
    automation.raise_request_exception = False
    request.getfixturevalue("full_disk")
    address = f"/sessions/{session.code}/links"
    while (told := browser.post(address, headers={"HX-Request": "true"})).status_code == 200:
        pass  # what the table's last page still holds
    assert told.status_code == 503
    assert "The disk of the database is full." in told.content.decode().split("data-problem>")[1]
    told = automation.post(f"/api/v1{address}", "{}", content_type="application/json")
    assert told.status_code == 503
    assert told.json()["code"] == "database_full"
    assert "Free space there" in told.json()["detail"]


def test_pages_say_that_a_disk_is_full_which_redis_can_tell_nothing_of_either(
    as_amina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The disk of the database is full" not in as_amina.get("/hosts/").content.decode()
    monkeypatch.setattr(standstill, "LITTLE_ROOM_BYTES", 1 << 62)
    assert "The disk of the database is full" in as_amina.get("/hosts/").content.decode()


def test_a_database_that_is_away_is_no_full_disk_and_a_mistake_of_ours_is_neither() -> None:
    assert standstill.why(OperationalError("connection refused")) == "away"
    assert standstill.why(OperationalError('could not extend file "base/1": No space left on device')) == "full"
    assert standstill.why(OperationalError("no such table: trial")) is None
