"""The REST API, as an automation calls it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from operators.models import ApiToken, Role
from sessions.actions.links import create_link
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, State, VisitorLink

ApiAs = Callable[[Role], Client]
JSON = "application/json"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic YTpi"}])
def test_without_a_known_token_nothing_is_told(client: Client, db: None, headers: dict[str, str]) -> None:
    for path in ("profiles", "modes", "sessions"):
        assert client.get(f"/api/v1/{path}", headers=headers).status_code == 401


def test_the_token_command_prints_the_token_on_its_last_line(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_token", "nightly", "--role", "operator")
    token = capsys.readouterr().out.splitlines()[-1]
    known = ApiToken.find(token)
    assert known is not None
    assert (known.name, known.role) == ("nightly", "operator")
    assert token not in known.token_hash


def test_modes_are_listed_by_slug_with_their_settings(api_as: ApiAs, demo: None) -> None:
    modes = {mode["slug"]: mode for mode in api_as(Role.VIEWER).get("/api/v1/modes").json()}
    assert modes["exhibition"]["settings"]["video_width"] == 1920
    assert all(mode["code"] for mode in modes.values())


def test_profiles_are_listed_with_their_code(api_as: ApiAs, guide: AvatarProfile) -> None:
    profiles = api_as(Role.VIEWER).get("/api/v1/profiles").json()
    assert str(guide.code) in {profile["code"] for profile in profiles}


def test_a_session_is_started_looked_at_and_stopped(api_as: ApiAs, guide: AvatarProfile) -> None:
    client = api_as(Role.OPERATOR)
    body = {"profile": str(guide.code), "mode": "stable", "language": "en", "max_duration_s": 120}
    made = client.post("/api/v1/sessions", body, content_type=JSON)
    assert made.status_code == 201
    session = client.get(f"/api/v1/sessions/{made.json()['code']}").json()
    assert session["state"] == "requested"
    assert session["mode"] == "stable"
    assert session["end_reason"] is None
    assert session["steps"] == []
    assert session["readiness"]["requested_at"]
    assert session["readiness"]["ready_ms"] is None
    assert AvatarSession.objects.get().max_duration_s == 120

    stopped = client.post(f"/api/v1/sessions/{session['code']}/stop")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopping")
    assert stopped.json()["end_reason"] == "operator_stopped"
    assert client.post(f"/api/v1/sessions/{session['code']}/stop").status_code == 200


def test_a_mode_may_be_named_by_its_code(api_as: ApiAs, guide: AvatarProfile, balanced: DeploymentMode) -> None:
    body = {"profile": str(guide.code), "mode": str(balanced.code)}
    assert api_as(Role.OPERATOR).post("/api/v1/sessions", body, content_type=JSON).json()["mode"] == "balanced"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"mode": "no-such-mode"}, 404),
        ({"profile": "00000000-0000-4000-8000-000000000000"}, 404),
        ({"profile": "not-a-uuid"}, 422),
        ({"max_duration_s": -1}, 422),
        ({"language": "xx"}, 422),
    ],
)
def test_a_bad_order_starts_nothing(api_as: ApiAs, guide: AvatarProfile, change: dict[str, Any], status: int) -> None:
    body = {"profile": str(guide.code), "mode": "balanced", **change}
    assert api_as(Role.OPERATOR).post("/api/v1/sessions", body, content_type=JSON).status_code == status
    assert not AvatarSession.objects.exists()


def test_the_same_idempotency_key_starts_once(api_as: ApiAs, guide: AvatarProfile) -> None:
    client = api_as(Role.OPERATOR)
    body = {"profile": str(guide.code), "mode": "balanced"}
    codes = {
        client.post("/api/v1/sessions", body, content_type=JSON, headers={"Idempotency-Key": "k1"}).json()["code"]
        for _ in range(2)
    }
    assert len(codes) == 1


def test_the_idempotency_keys_of_two_callers_are_not_the_same(guide: AvatarProfile) -> None:
    codes = set()
    for name in ("nightly", "weekly"):
        client = Client(headers={"authorization": f"Bearer {ApiToken.issue(name, Role.OPERATOR)}"})
        headers = {"Idempotency-Key": "k" * 64}
        body = {"profile": str(guide.code), "mode": "balanced"}
        codes.add(client.post("/api/v1/sessions", body, content_type=JSON, headers=headers).json()["code"])
    assert len(codes) == 2


@pytest.mark.parametrize("query", [f"offset={10**30}", "offset=-1", "limit=0", f"limit={10**30}"])
def test_a_page_that_cannot_be_is_refused(api_as: ApiAs, db: None, query: str) -> None:
    assert api_as(Role.VIEWER).get(f"/api/v1/sessions?{query}").status_code == 422


def test_stop_answers_with_what_somebody_faster_made_of_the_session(
    api_as: ApiAs, session: AvatarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(found: AvatarSession, *, by: str) -> bool:
        AvatarSession.objects.filter(pk=found.pk).update(state=State.ENDED)
        return False

    monkeypatch.setattr("sessions.api.live.stop_session", too_late)
    answer = api_as(Role.OPERATOR).post(f"/api/v1/sessions/{session.code}/stop")
    assert answer.json()["state"] == "ended"


def test_a_forwarded_address_does_not_dodge_the_limit_of_joins(client: Client, db: None) -> None:
    cache.clear()
    statuses = [
        client.post("/api/v1/join/unknown", content_type=JSON, headers={"x-forwarded-for": f"10.0.0.{n}"}).status_code
        for n in range(121)
    ]
    cache.clear()
    assert set(statuses[:120]) == {404}
    assert statuses[120] == 429


def test_a_visitor_gets_in_while_redis_is_away(client: Client, session: AvatarSession, settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}
    }
    link = create_link(session, by="Amina")
    assert client.post(f"/api/v1/join/{link.token}", content_type=JSON).status_code == 200


def test_over_the_hosts_limit_is_a_409_with_a_sentence(api_as: ApiAs, guide: AvatarProfile, settings: Any) -> None:
    settings.MAX_SESSIONS_PER_HOST = 0
    body = {"profile": str(guide.code), "mode": "balanced"}
    answer = api_as(Role.OPERATOR).post("/api/v1/sessions", body, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "capacity")
    assert "Stop one first" in answer.json()["detail"]


def test_a_viewer_looks_and_changes_nothing(api_as: ApiAs, session: AvatarSession, guide: AvatarProfile) -> None:
    client = api_as(Role.VIEWER)
    assert client.get("/api/v1/sessions").json()[0]["code"] == str(session.code)
    body = {"profile": str(guide.code), "mode": "balanced"}
    assert client.post("/api/v1/sessions", body, content_type=JSON).status_code == 403
    assert client.post(f"/api/v1/sessions/{session.code}/stop").status_code == 403
    assert client.post(f"/api/v1/sessions/{session.code}/links", {}, content_type=JSON).status_code == 403
    session.refresh_from_db()
    assert session.state == State.REQUESTED


def test_a_link_is_made_with_its_url_and_revoked(api_as: ApiAs, session: AvatarSession) -> None:
    client = api_as(Role.OPERATOR)
    body = {"expires_in_s": 60, "max_uses": 3, "label": "kiosk"}
    link = client.post(f"/api/v1/sessions/{session.code}/links", body, content_type=JSON).json()
    token = link["url"].rstrip("/").rsplit("/", 1)[1]
    assert VisitorLink.objects.get().token == token
    assert client.delete(f"/api/v1/links/{link['code']}").status_code == 204
    answer = client.post(f"/api/v1/join/{token}", content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (410, "revoked")


def test_a_link_needs_no_body(api_as: ApiAs, session: AvatarSession) -> None:
    assert api_as(Role.OPERATOR).post(f"/api/v1/sessions/{session.code}/links", content_type=JSON).status_code == 201


def test_more_than_a_request_may_carry_is_refused_with_a_sentence(api_as: ApiAs, db: None) -> None:
    answer = api_as(Role.OPERATOR).post("/api/v1/profiles", {"greeting": "x" * 3_000_000}, JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "2 MB" in answer.json()["detail"]


def test_a_profile_with_a_greeting_of_a_megabyte_is_refused(api_as: ApiAs, db: None) -> None:
    body = {"name": "Loud", "greeting": "a" * 1_000_000}
    assert api_as(Role.OPERATOR).post("/api/v1/profiles", body, content_type=JSON).status_code == 422
    assert not AvatarProfile.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        '"provider_settings": {"presenter": "nobody"}',
        '"provider_settings": {"presenter": NaN}',
        '"provider_settings": {"extra": NaN}',
        '"provider_settings": NaN',
        '"name": "  "',
        '"name": "Nul\\u0000l"',
        '"voice": "nobody"',
        '"provider": "nobody"',
    ],
)
def test_a_profile_that_no_job_could_serve_is_refused_with_a_sentence(api_as: ApiAs, db: None, wrong: str) -> None:
    body = f'{{"name": "Desk", "greeting": "Hello.", {wrong}}}'
    answer = api_as(Role.OPERATOR).post("/api/v1/profiles", body, content_type=JSON)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert not AvatarProfile.objects.exists()


def test_a_profile_is_made_changed_copied_and_archived(api_as: ApiAs, db: None) -> None:
    client = api_as(Role.OPERATOR)
    made = client.post("/api/v1/profiles", {"name": "Desk", "greeting": "Hello."}, content_type=JSON).json()
    path = f"/api/v1/profiles/{made['code']}"
    changed = client.put(path, {"name": "Desk", "greeting": "Good day."}, content_type=JSON).json()
    assert (changed["version"], changed["greeting"]) == (2, "Good day.")
    assert client.post(f"{path}/duplicate").json()["code"] != made["code"]
    assert client.delete(path).status_code == 204
    assert made["code"] not in {profile["code"] for profile in client.get("/api/v1/profiles").json()}


def test_the_documentation_describes_the_api(client: Client, amina: object, db: None) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert "/api/v1/sessions/{code}/links" in paths


def test_alive_is_answered_without_any_dependency(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


def test_readiness_names_what_is_missing(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"]["ok"] is True
    assert checks["database"]["latency_ms"] >= 0
    assert checks["livekit"] == {"ok": False, "error": "The media server does not answer."}
    assert checks["redis"]["ok"] is False
