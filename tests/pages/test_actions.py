"""What operators do on the pages, and what viewers may not."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from operators.models import Operator
from sessions.actions.links import create_link
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, State, VisitorLink
from tests.pages.conftest import Browse, put

Start = Callable[..., AvatarSession]


def order(avatar: AvatarProfile, /, **fields: object) -> dict[str, object]:
    return {"profile": avatar.code, "mode": "balanced", "request_key": str(uuid.uuid4()), **fields}


def test_a_double_click_starts_one_session_with_one_link(browse: Browse, amina: Operator, guide: AvatarProfile) -> None:
    client, data = browse(amina), order(guide, max_duration_min=20, language="ar")
    first, second = (client.post("/sessions/start", data, headers={"HX-Request": "true"}) for _ in range(2))
    session = AvatarSession.objects.get()
    assert first["HX-Redirect"] == second["HX-Redirect"] == f"/sessions/{session.code}/"
    assert (session.max_duration_s, session.language, session.requested_by) == (1200, "ar", "Amina")
    assert session.links.count() == 1


def test_a_start_works_without_scripts(browse: Browse, amina: Operator, guide: AvatarProfile) -> None:
    response = browse(amina).post("/sessions/start", order(guide))
    assert response.status_code == 302
    assert response["Location"].startswith("/sessions/")


@pytest.mark.parametrize(
    "wrong",
    [{"profile": "nobody"}, {"mode": "none"}, {"max_duration_min": 0}, {"request_key": "x"}, {"language": "xx"}],
)
def test_a_start_that_cannot_be_read_starts_nothing_and_keeps_what_was_typed(
    browse: Browse, amina: Operator, guide: AvatarProfile, wrong: dict[str, object]
) -> None:
    response = browse(amina).post("/sessions/start", order(guide, **{"idle_timeout_min": 7, **wrong}))
    assert response.status_code == 422
    assert b'value="7"' in response.content
    assert not AvatarSession.objects.exists()


def test_a_full_host_refuses_in_the_drawer(browse: Browse, amina: Operator, guide: AvatarProfile, start: Start) -> None:
    for _ in range(4):
        start()
    response = browse(amina).post("/sessions/start", order(guide), headers={"HX-Request": "true"})
    assert response.status_code == 422
    assert b"Nothing was started" in response.content
    assert b"Full." in response.content


def test_two_operators_stopping_at_once_both_see_it_stopping(
    browse: Browse, amina: Operator, clara: Operator, start: Start
) -> None:
    session = put(start(), State.READY)
    for operator in (amina, clara):
        response = browse(operator).post(f"/sessions/{session.code}/stop", headers={"HX-Request": "true"})
        assert response.status_code == 200
        assert b"Stopping" in response.content
    session.refresh_from_db()
    assert session.state == State.STOPPING
    assert session.events.filter(state=State.STOPPING).count() == 1


def test_a_link_is_made_shown_with_its_qr_code_and_revoked(browse: Browse, amina: Operator, start: Start) -> None:
    client, session = browse(amina), put(start(), State.READY)
    page = client.post(
        f"/sessions/{session.code}/links", {"label": "Kiosk", "max_uses": 3}, headers={"HX-Request": "true"}
    )
    link = VisitorLink.objects.get()
    assert (link.label, link.max_uses, link.created_by) == ("Kiosk", 3, "Amina")
    assert link.url in page.content.decode()
    drawing = page.content.decode().split('class="av-qr"')[1].split("</div>")[0]
    assert drawing.count("<path") >= 1
    assert "style" not in drawing
    client.post(f"/sessions/{session.code}/links/{link.code}/revoke")
    link.refresh_from_db()
    assert link.revoked_at is not None
    assert b"revoked" in client.get(f"/sessions/{session.code}/").content


def test_a_link_form_keeps_what_was_typed(browse: Browse, amina: Operator, start: Start) -> None:
    session = put(start(), State.READY)
    response = browse(amina).post(f"/sessions/{session.code}/links", {"label": "Kiosk", "max_uses": 0})
    assert response.status_code == 422
    assert b'value="Kiosk"' in response.content
    assert not session.links.exists()


def test_a_link_of_another_session_is_not_revoked_through_this_one(
    browse: Browse, amina: Operator, start: Start
) -> None:
    mine, other = put(start(), State.READY), put(start(), State.READY)
    link = create_link(other, by="Amina")
    assert browse(amina).post(f"/sessions/{mine.code}/links/{link.code}/revoke").status_code == 404


def test_a_link_into_a_session_that_is_over_is_refused_with_a_sentence(
    browse: Browse, amina: Operator, start: Start
) -> None:
    session = put(start(), State.ENDED)
    response = browse(amina).post(f"/sessions/{session.code}/links")
    assert response.status_code == 409
    assert b"data-problem>Nothing was changed" in response.content


def test_watching_gives_a_hidden_token_and_only_while_there_is_something_to_watch(
    browse: Browse, basil: Operator, start: Start
) -> None:
    session = put(start(), State.READY)
    ticket = browse(basil).post(f"/sessions/{session.code}/watch").json()
    assert set(ticket) == {"livekit_url", "token"}
    assert ticket["token"].count(".") == 2
    assert browse(basil).post(f"/sessions/{put(session, State.ENDED).code}/watch").status_code == 409


def viewer_may_not(session: AvatarSession, profile: AvatarProfile) -> list[str]:
    link = create_link(session, by="Amina")
    return [
        "/sessions/start", f"/sessions/{session.code}/stop", f"/sessions/{session.code}/links",
        f"/sessions/{session.code}/links/{link.code}/revoke", "/profiles/new", f"/profiles/{profile.code}/",
        f"/profiles/{profile.code}/duplicate", f"/profiles/{profile.code}/archive", "/modes/balanced/",
        "/modes/balanced/copy", "/modes/balanced/archive",
    ]  # fmt: skip


def test_a_viewer_is_refused_every_action_with_a_sentence(
    browse: Browse, basil: Operator, guide: AvatarProfile, start: Start
) -> None:
    session = put(start(), State.READY)
    client, before = browse(basil), (AvatarProfile.objects.count(), DeploymentMode.objects.count())
    for address in viewer_may_not(session, guide):
        response = client.post(address, order(guide))
        assert response.status_code == 403, address
        assert b"Nothing was changed" in response.content, address
    session.refresh_from_db()
    assert session.state == State.READY
    assert AvatarSession.objects.count() == 1
    assert before == (AvatarProfile.objects.count(), DeploymentMode.objects.count())


def test_a_viewer_sees_no_button_that_would_refuse(
    browse: Browse, basil: Operator, full: dict[str, AvatarSession], guide: AvatarProfile
) -> None:
    client = browse(basil)
    pages = ("/", "/sessions/", "/profiles/", f"/profiles/{guide.code}/", "/modes/", "/modes/balanced/")
    may_ask = f'method="post" action="{reverse("sessions:try-question", args=[guide.code])}"'
    for address in (*pages, f"/sessions/{full['ready'].code}/"):
        page = client.get(address).content.decode()
        assert page.count('method="post"') - page.count(may_ask) == 1, f"{address} has more forms than sign-out"
        assert "/sessions/start" not in page, address


def test_a_viewer_gets_no_visitor_link_to_see_and_is_told_who_may(
    browse: Browse, amina: Operator, basil: Operator, full: dict[str, AvatarSession]
) -> None:
    code, tokens = full["ready"].code, list(full["ready"].links.values_list("token", flat=True))
    addresses = [
        "/", f"/sessions/{code}/", f"/sessions/{code}/fragments/invite/", f"/sessions/{code}/row/",
        "/sessions/", f"/reports/{full['ended'].code}/",
    ]  # fmt: skip
    for address in addresses:
        page = browse(basil).get(address).content.decode()
        for hidden in (*tokens, "data-copy", "av-qr", "/j/", "Copy the link", "Copy a link"):
            assert hidden not in page, (address, hidden)
    assert "Ask an operator for a link" in browse(basil).get(addresses[1]).content.decode()
    assert any(token in browse(amina).get(addresses[1]).content.decode() for token in tokens)


def test_a_viewer_is_not_told_to_copy_a_link_while_nobody_has_come(
    browse: Browse, basil: Operator, start: Start
) -> None:
    session = put(start(), State.READY)
    create_link(session, by="Amina")
    for address in ("/", f"/sessions/{session.code}/"):
        page = browse(basil).get(address).content.decode()
        assert "Copy the link, or" not in page
        assert "Copy a link" not in page


def test_stopping_shows_what_somebody_faster_made_of_the_session(
    browse: Browse, amina: Operator, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = put(start(), State.READY)

    def too_late(found: AvatarSession, *, by: str) -> bool:
        AvatarSession.objects.filter(pk=found.pk).update(state=State.STOPPING)
        return False

    monkeypatch.setattr("sessions.views.session.stop_session", too_late)
    response = browse(amina).post(f"/sessions/{session.code}/stop", headers={"HX-Request": "true"})
    assert b"Stopping" in response.content


def test_actions_need_a_post(browse: Browse, amina: Operator, guide: AvatarProfile, start: Start) -> None:
    session = start()
    for address in (
        f"/sessions/{session.code}/stop",
        f"/sessions/{session.code}/watch",
        f"/profiles/{guide.code}/archive",
    ):
        assert browse(amina).get(address).status_code == 405


def test_a_form_from_elsewhere_is_refused_with_a_sentence(amina: Operator, start: Start) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(amina)
    response = client.post(f"/sessions/{start().code}/stop")
    assert response.status_code == 403
    assert b"open too long" in response.content
