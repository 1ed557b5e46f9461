"""Checks before a start, and conversations that are left open at vendors: what is ordered, kept and said."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from operators.models import Role
from protocol.vendors import Check, CheckResult, Ended, Outcome
from sessions import vendor_tasks
from sessions.actions import conversations, lifecycle
from sessions.actions.preflights import UNANSWERED_AFTER, give_up_unanswered, order_of, order_preflight
from sessions.actions.profiles import create_profile, edit_profile
from sessions.agent_programs import ProgramFailed
from sessions.models import (
    AgentWorker,
    AvatarProfile,
    AvatarSession,
    EndReason,
    Preflight,
    PreflightState,
    ProviderConversation,
    SessionEvent,
    State,
)

FIELDS = {"name": "Desk", "greeting": "Hello.", "provider": "tavus", "provider_settings": {"pal_id": "p1"}}


@pytest.fixture
def desk(db: None) -> AvatarProfile:
    return create_profile({**FIELDS, "fallback": "builtin"}, by="Amina")


def told(*outcomes: Outcome) -> dict[str, Any]:
    results = [CheckResult(provider="tavus", check=Check.KEY, outcome=each, sentence="As it is.") for each in outcomes]
    return {"results": [result.model_dump(mode="json") for result in results]}


def answered(monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]) -> list[str]:
    """The agent's program says this; returns the orders that it gets."""
    orders: list[str] = []

    def run(*_: str, order: str, **__: Any) -> dict[str, Any]:
        orders.append(order)
        return said

    monkeypatch.setattr(vendor_tasks, "run_program", run)
    return orders


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ((Outcome.OK, Outcome.UNKNOWN), PreflightState.PASSED),
        ((Outcome.OK, Outcome.WARNING), PreflightState.WARNED),
        ((Outcome.WARNING, Outcome.FAILED), PreflightState.FAILED),
    ],
)
def test_a_check_is_made_on_the_host_and_kept_with_its_verdict(
    desk: AvatarProfile, monkeypatch: pytest.MonkeyPatch, outcomes: tuple[Outcome, ...], state: PreflightState
) -> None:
    orders = answered(monkeypatch, told(*outcomes))
    preflight = order_preflight(desk, by="Amina")
    vendor_tasks.run_preflight(preflight.pk)
    preflight.refresh_from_db()
    assert (preflight.state, len(preflight.results)) == (state, len(outcomes))
    assert preflight.finished_at is not None
    assert '"pal_id":"p1"' in orders[0]


def test_who_would_take_over_is_checked_too(desk: AvatarProfile) -> None:
    assert [target.provider for target in order_of(order_preflight(desk, by="Amina")).targets] == ["tavus", "builtin"]


def test_a_second_click_joins_the_check_that_is_under_way(desk: AvatarProfile) -> None:
    assert order_preflight(desk, by="Amina") == order_preflight(desk, by="Clara")


def test_a_check_that_fails_or_that_nobody_answers_says_so(
    desk: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: str, **__: Any) -> Any:
        raise ProgramFailed("no such thing")

    monkeypatch.setattr(vendor_tasks, "run_program", fails)
    vendor_tasks.run_preflight(order_preflight(desk, by="Amina").pk)
    second = order_preflight(desk, by="Amina")
    Preflight.objects.filter(pk=second.pk).update(requested_at=timezone.now() - UNANSWERED_AFTER * 2)
    give_up_unanswered()
    assert set(Preflight.objects.values_list("state", flat=True)) == {PreflightState.UNANSWERED}
    assert all(Preflight.objects.values_list("detail", flat=True))


def test_checks_are_ordered_and_read_by_rest(api_as: Any, desk: AvatarProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, told(Outcome.OK))
    client: Client = api_as(Role.OPERATOR)
    address = f"/api/v1/profiles/{desk.code}/preflight"
    ordered = client.post(address)
    assert (ordered.status_code, ordered.json()["state"]) == (202, "running")
    vendor_tasks.run_preflight(Preflight.objects.get().pk)
    last = client.get(address).json()[0]
    assert (last["state"], last["results"][0]["sentence"]) == ("passed", "As it is.")
    assert client.post(f"{address}?host=nowhere").status_code == 422
    assert api_as(Role.VIEWER).post(address).status_code == 403


def test_the_profiles_page_tells_what_was_found(
    as_amina: Client, desk: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, told(Outcome.FAILED))
    as_amina.post(f"/profiles/{desk.code}/preflight/check")
    vendor_tasks.run_preflight(Preflight.objects.get().pk)
    page = as_amina.get(f"/profiles/{desk.code}/").content.decode()
    assert "It would not start on" in page
    assert "As it is." in page
    edit_profile(desk, {"name": "Front desk"}, by="Amina")
    assert "This was version 1" in as_amina.get(f"/profiles/{desk.code}/preflight/").content.decode()


# -- leftovers ----------------------------------------------------------------------------------------------------------


def over(session: AvatarSession, **changes: Any) -> AvatarSession:
    """The session, ended a minute ago."""
    ended = timezone.now() - timedelta(minutes=1)
    AvatarSession.objects.filter(pk=session.pk).update(state=State.ENDED, ended_at=ended, **changes)
    session.refresh_from_db()
    return session


def opened(session: AvatarSession, provider: str = "tavus", conversation: str = "c1") -> ProviderConversation:
    conversations.record_opened(session.pk, provider, conversation, timezone.now(), attempt=session.attempt)
    return ProviderConversation.objects.get(provider=provider, conversation=conversation)


def test_a_conversation_of_a_session_that_goes_on_is_left_alone(session: AvatarSession) -> None:
    opened(session)
    assert not conversations.left_open().exists()


def test_one_that_the_job_ended_is_settled(session: AvatarSession) -> None:
    opened(session)
    conversations.record_ended(session.pk, "tavus", "c1", timezone.now())
    over(session)
    assert not conversations.left_open().exists()


def test_one_that_is_left_open_is_ended_and_stands_in_the_sessions_history(
    session: AvatarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = opened(over(session))
    answered(monkeypatch, {"ended": [Ended(is_over=True, was_open=True).model_dump()]})
    vendor_tasks.end_conversations([left.pk])
    left.refresh_from_db()
    assert left.ended_at is not None
    assert left.was_left_over
    last = session.events.filter(kind=SessionEvent.Kind.WARNING).last()
    assert last is not None
    assert "still open at Tavus" in last.text


def test_one_that_could_not_be_ended_is_tried_again_later_and_later(
    session: AvatarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, ordered = opened(over(session)), []
    monkeypatch.setattr(conversations, "enqueue", lambda task, keys, **options: ordered.append((keys, options)))
    answered(monkeypatch, {"ended": [Ended(is_over=False, detail="Away.").model_dump()]})
    conversations.end_leftovers()
    conversations.end_leftovers()  # at once: nothing new
    assert ordered == [([left.pk], {"queue": f"host.{session.host}"})]
    vendor_tasks.end_conversations([left.pk])
    left.refresh_from_db()
    assert (left.ended_at, left.detail, left.tries) == (None, "Away.", 1)
    ProviderConversation.objects.update(tried_at=timezone.now() - timedelta(seconds=45))
    conversations.end_leftovers()
    assert len(ordered) == 1
    ProviderConversation.objects.update(tried_at=timezone.now() - timedelta(seconds=75))
    conversations.end_leftovers()
    assert len(ordered) == 2


def test_what_a_lost_job_opened_is_left_over_though_the_session_goes_on(session: AvatarSession) -> None:
    left = opened(session)
    opened(session, "bithuman", "")  # the new job's is in the same room, so that its room does not tell which is which
    AvatarSession.objects.filter(pk=session.pk).update(attempt=2)
    assert list(conversations.left_open()) == [left]


@pytest.mark.django_db(transaction=True)
def test_it_is_seen_to_as_soon_as_the_job_is_lost(session: AvatarSession, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(session)
    queued: list[str] = []
    monkeypatch.setattr(lifecycle, "enqueue", lambda task, *_: queued.append(task.name.rsplit(".", 1)[1]))
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY)
    session.refresh_from_db()
    assert lifecycle.job_lost(session, session.attempt, "The avatar's process was killed.")
    assert queued == ["place_session", "look_after_vendors"]


BITHUMAN = {"provider": "bithuman", "provider_settings": {"avatar_id": "A91XMB7113"}}
TAVUS = {"provider": "tavus", "provider_settings": {"pal_id": "p1"}}


@pytest.mark.parametrize("profile", [BITHUMAN, TAVUS], ids=["bithuman", "tavus"])
def test_a_killed_job_that_could_not_tell_of_its_conversation_is_looked_after(
    guide: AvatarProfile, start: Any, profile: dict[str, Any]
) -> None:
    edit_profile(guide, profile, by="Amina")
    session = over(start())
    conversations.note_unreported()
    assert [(each.session, each.conversation) for each in conversations.left_open()] == [(session, "")]


def test_so_is_one_that_was_killed_in_a_change_to_another_provider(session: AvatarSession) -> None:
    mode = session.mode_version
    session.switches.create(from_version=mode, to_version=mode, to_provider="tavus", requested_at=timezone.now())
    over(session)
    conversations.note_unreported()
    assert [each.provider for each in conversations.left_open()] == ["tavus"]


def test_one_that_told_of_a_conversation_may_have_been_killed_while_it_ordered_another(
    guide: AvatarProfile, start: Any
) -> None:
    edit_profile(guide, TAVUS, by="Amina")
    told = start()
    opened(told)
    conversations.record_ended(told.pk, "tavus", "c1", timezone.now())
    over(told)
    conversations.note_unreported()
    assert not conversations.left_open().exists()  # it ended well
    over(told, end_reason=EndReason.AGENT_LOST)
    conversations.note_unreported()
    assert [each.conversation for each in conversations.left_open()] == [""]


def test_bithuman_on_the_host_opens_nothing_that_could_be_left(guide: AvatarProfile, start: Any) -> None:
    local = {"place": "local", "model_path": "/srv/guide.imx"}
    edit_profile(guide, {"provider": "bithuman", "provider_settings": local}, by="Amina")
    over(start())
    conversations.note_unreported()
    assert not conversations.left_open().exists()


def test_pages_tell_which_hosts_have_a_providers_key_and_never_the_key(
    as_amina: Client, demo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVUS_API_KEY", "a-secret-of-tavus")
    now = timezone.now()
    AgentWorker.objects.create(host="atlas", started_at=now, provider_keys=["tavus"])
    AgentWorker.objects.create(host="birch", started_at=now)
    page = as_amina.get("/profiles/new").content.decode()
    assert "The key for Tavus is set on atlas." in page
    assert "No key on atlas, birch: set BEY_API_KEY" in page
    assert "a-secret-of-tavus" not in page


def test_what_a_killed_job_opened_is_looked_after_though_the_next_one_ended_its_own_in_the_same_room(
    guide: AvatarProfile, start: Any
) -> None:
    edit_profile(guide, BITHUMAN, by="Amina")
    session = start()
    opened(session, "bithuman", "")  # bitHuman names none: one row stands for all of the room
    AvatarSession.objects.filter(pk=session.pk).update(attempt=2)
    session.refresh_from_db()
    opened(session, "bithuman", "")
    conversations.record_ended(session.pk, "bithuman", "", timezone.now())
    over(session)
    conversations.note_unreported()
    assert [each.provider for each in conversations.left_open()] == ["bithuman"]
    left = conversations.left_open().get()
    ProviderConversation.objects.update(tried_at=timezone.now())
    conversations.record_settled([left], [Ended(is_over=True)])
    conversations.note_unreported()
    assert not ProviderConversation.objects.filter(ended_at=None).exists()  # it was looked for
