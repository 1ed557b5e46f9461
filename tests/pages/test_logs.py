"""What the logs never hold: the secrets in addresses."""

import logging
import logging.config
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings
from django.test import Client

SECRET = "s3cret-Token_of-a-link"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that the project's own handler would write."""
    logging.config.dictConfig(settings.LOGGING)
    handler = next(each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    written = StringIO()
    old = handler.setStream(written)
    yield written
    if old is not None:
        handler.setStream(old)


@pytest.mark.django_db
@pytest.mark.parametrize("address", [f"/j/{SECRET}", f"/first-sign-in/{SECRET}", f"/api/v1/join/{SECRET}"])
def test_a_secret_in_an_address_is_not_logged(log: StringIO, address: str) -> None:
    Client(enforce_csrf_checks=True).post(address, content_type="application/x-www-form-urlencoded")
    Client().get(address)
    assert SECRET not in log.getvalue()
    assert address.removesuffix(SECRET) + "…" in log.getvalue()


def test_a_secret_in_a_traceback_is_not_logged(log: StringIO) -> None:
    try:
        raise ValueError(f"GET /j/{SECRET}?language=ar")
    except ValueError:
        logging.getLogger("django.request").exception("Internal Server Error: /j/%s", SECRET)
    assert SECRET not in log.getvalue()
    assert "ValueError: GET /j/…?language=ar" in log.getvalue()


def test_other_addresses_are_logged_whole(log: StringIO) -> None:
    logging.getLogger("django.request").warning("Not Found: %s", "/sessions/j-1/nothing")
    assert "Not Found: /sessions/j-1/nothing" in log.getvalue()
