"""Signing in: by password, throttled, or by a link that works once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from operators.models import Operator, SignInLink
from operators.throttle import MAX_TRIES

PASSWORD = "a-long-enough-one"


@pytest.fixture
def with_password(amina: Operator) -> Operator:
    amina.set_password(PASSWORD)
    amina.save()
    return amina


def test_nobody_sees_a_page_without_signing_in(db: None, client: Client) -> None:
    for address in ("/", "/sessions/", "/sessions/start", "/profiles/", "/modes/", "/hosts/", "/reports/"):
        response = client.get(address)
        assert response.status_code == 302, address
        assert response["Location"].startswith("/sign-in/?next="), address


def test_a_password_opens_the_page_that_was_asked_for(client: Client, with_password: Operator) -> None:
    data = {"username": "amina", "password": PASSWORD, "next": "/modes/"}
    assert client.post("/sign-in/", data)["Location"] == "/modes/"
    assert client.get("/sign-in/").status_code == 302


def test_signing_in_never_leads_to_another_site(client: Client, with_password: Operator) -> None:
    data = {"username": "amina", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/sign-in/", data)["Location"] == "/"


def test_a_wrong_password_is_said_and_tries_are_limited(client: Client, with_password: Operator) -> None:
    wrong = {"username": "amina", "password": "wrong"}
    for _ in range(MAX_TRIES):
        response = client.post("/sign-in/", wrong)
        assert response.status_code == 422
        assert b"Nobody was signed in" in response.content
    refused = client.post("/sign-in/", {"username": "Amina", "password": PASSWORD})
    assert refused.status_code == 429
    assert b"Too many tries" in refused.content
    assert client.post("/sign-in/", {"username": "basil", "password": "wrong"}).status_code == 422


def test_after_a_wrong_password_the_cursor_stands_in_its_field(client: Client, with_password: Operator) -> None:
    page = client.post("/sign-in/", {"username": "amina", "password": "wrong"}).content.decode()
    focused = [tag for tag in page.split("<") if "autofocus" in tag]
    assert len(focused) == 1
    assert 'name="password"' in focused[0]


@pytest.mark.parametrize("spelt", ["  amina ", "\u3000AMINA", "ａｍｉｎａ", "\u2003ａMINA\t", "Amina" + " " * 300])
def test_a_name_spelt_in_another_way_counts_as_the_same_one(
    client: Client, with_password: Operator, spelt: str
) -> None:
    for _ in range(MAX_TRIES):
        client.post("/sign-in/", {"username": "amina", "password": "wrong"})
    assert client.post("/sign-in/", {"username": spelt, "password": PASSWORD}).status_code == 429


def post_from(address: str, password: str) -> int:
    data = {"username": "amina", "password": password}
    return Client(headers={"X-Forwarded-For": address}).post("/sign-in/", data).status_code


def test_behind_trusted_proxies_tries_count_for_who_the_last_of_them_names(
    with_password: Operator, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = 2
    for number in range(MAX_TRIES):
        assert post_from(f"10.9.9.{number}, 192.0.2.7, 10.0.0.2", "wrong") == 422, "the first address is made up"
    assert post_from("192.0.2.7, 10.0.0.2", PASSWORD) == 429
    assert post_from("192.0.2.8, 10.0.0.2", PASSWORD) == 302, "somebody else behind the same proxies"


def test_without_trusted_proxies_a_claimed_address_counts_for_nothing(with_password: Operator) -> None:
    for number in range(MAX_TRIES):
        post_from(f"192.0.2.{number}", "wrong")
    assert post_from("192.0.2.99", PASSWORD) == 429


def test_an_operator_gets_in_while_redis_is_away(client: Client, with_password: Operator, settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}
    }
    data = {"username": "amina", "password": PASSWORD, "next": "/modes/"}
    assert client.post("/sign-in/", data)["Location"] == "/modes/"


def test_a_sign_in_link_works_once(client: Client, amina: Operator) -> None:
    address = f"/first-sign-in/{SignInLink.issue(amina)}"
    assert client.get(address).status_code == 200
    assert client.get(address).status_code == 200, "looking spends nothing"
    assert client.post(address, {"password": "12345678"}).status_code == 422, "a poor password spends nothing"
    assert client.post(address, {"password": PASSWORD})["Location"] == "/"
    assert client.get("/").status_code == 200
    amina.refresh_from_db()
    assert amina.check_password(PASSWORD)
    again = Client().post(address, {"password": "another-long-one"})
    assert again.status_code == 410
    assert b"make run" in again.content
    amina.refresh_from_db()
    assert amina.check_password(PASSWORD)


def test_an_expired_link_says_how_to_get_a_new_one(client: Client, amina: Operator) -> None:
    token = SignInLink.issue(amina)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = client.get(f"/first-sign-in/{token}")
    assert response.status_code == 410
    assert b"sign_in_link" in response.content


def test_signing_out_needs_a_post_and_ends_the_session(client: Client, amina: Operator) -> None:
    client.force_login(amina)
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/").status_code == 302
