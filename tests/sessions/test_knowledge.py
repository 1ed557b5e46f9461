"""What profiles know: versions, assets and their addresses, REST."""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from protocol.knowledge import MAX_PAIRS, Knowledge, Pair
from sessions import assets
from sessions.actions.knowledge import (
    add_document,
    add_pairs,
    change_pair,
    remove_document,
    remove_pair,
    replace_knowledge,
)
from sessions.actions.lifecycle import start_session
from sessions.actions.profiles import duplicate_profile, edit_profile
from sessions.assets import AssetLost
from sessions.knowledge.store import read_knowledge
from sessions.knowledge.understanding import understand_all
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode


def pair(number: int = 1, **fields: str) -> Pair:
    words = {"language": "en", "question": f"Question {number}?", "answer": f"Answer {number}."}
    return Pair.model_validate({"id": f"p{number}", "group": f"p{number}", **words, **fields})


def known(profile: AvatarProfile) -> Knowledge:
    profile.refresh_from_db()
    assert profile.current is not None
    return read_knowledge(profile.current.knowledge)


@pytest.fixture
def host(demo: None) -> AvatarProfile:
    """Omar, who knows nothing yet."""
    return AvatarProfile.objects.get(current__name="Omar")


def test_the_demo_knows_a_museum_in_two_languages(guide: AvatarProfile) -> None:
    pairs = known(guide).pairs
    for language in ("en", "ar"):
        assert sum(pair.language == language for pair in pairs) >= 40
    groups = [{each.language for each in pairs if each.group == pair.group} for pair in pairs]
    assert all(languages == {"en", "ar"} for languages in groups)
    assert len(known(guide).documents) == 2
    arabic = AvatarProfile.objects.get(current__name="مريم")
    assert arabic.current is not None
    assert (arabic.current.language, arabic.current.knowledge) == (
        "ar",
        guide.current.knowledge if guide.current else "",
    )


def test_each_change_is_a_version_and_a_session_keeps_its_own(host: AvatarProfile, balanced: DeploymentMode) -> None:
    add_pairs(host, [pair(1), pair(2)], by="Amina")
    session = start_session(profile=host, mode=balanced, by="Amina")
    change_pair(host, "p1", {"answer": "Another answer."}, by="Amina")
    remove_pair(host, "p2", by="Amina")
    add_document(host, "House rules", "No running.", by="Amina")
    assert [each.answer for each in known(host).pairs] == ["Another answer."]
    assert [each.name for each in known(host).documents] == ["House rules"]
    remove_document(host, "House rules", by="Amina")
    assert known(host).documents == []
    session = AvatarSession.objects.get(pk=session.pk)
    assert [each.answer for each in read_knowledge(session.profile_version.knowledge).pairs] == [
        "Answer 1.",
        "Answer 2.",
    ]
    assert host.versions.count() == 6
    assert {version.created_by for version in host.versions.all()} == {"", "Amina"}


def test_other_changes_and_copies_keep_what_is_known(guide: AvatarProfile) -> None:
    before = known(guide)
    edit_profile(guide, {"name": "Maryam the second"}, by="Amina")
    assert known(guide) == before
    assert known(duplicate_profile(guide, by="Amina")) == before


def test_a_job_is_told_where_to_find_it(session: AvatarSession) -> None:
    spec = session.as_job_spec()
    assert spec.knowledge is not None
    assert spec.knowledge.sha256 == session.profile_version.knowledge
    assert spec.knowledge.size_bytes == assets.path_of(spec.knowledge.sha256).stat().st_size
    assert [ref.sha256 for ref in spec.documents] == [
        each.sha256 for each in known(session.profile_version.profile).documents
    ]
    assert session.as_job_spec() == spec, "an order is recognised by being the same"
    assert len(spec.model_dump_json()) < 8_000, "metadata stays small"


def test_a_profile_without_knowledge_starts_as_well(host: AvatarProfile, balanced: DeploymentMode) -> None:
    spec = start_session(profile=host, mode=balanced, by="Amina").as_job_spec()
    assert (spec.knowledge, spec.documents) == (None, [])


def test_an_asset_is_given_to_who_holds_its_address_and_to_nobody_else(client: Client, session: AvatarSession) -> None:
    ref = session.as_job_spec().knowledge
    assert ref is not None
    address = ref.url.removeprefix("http://testserver")
    response = client.get(address)
    assert b"".join(response.streaming_content) == assets.read(ref.sha256)  # type: ignore[attr-defined]
    assert "immutable" in response["Cache-Control"]
    path = urlsplit(address).path
    other = assets.keep(b"a secret of somebody else")
    expired = urlsplit(assets.reference(ref.sha256, 1_000_000).url)
    for wrong in (path, f"{path}?good_until=x&signature=y", address.replace(ref.sha256, other), address + "0",
                  f"{expired.path}?{expired.query}", f"{path}?good_until=9999999999&signature={address[-43:]}"):  # fmt: skip
        refused = client.get(wrong)
        assert refused.status_code == 403, wrong
        assert "expired or was changed" in refused.content.decode()
    assert client.get("/assets/../../etc/passwd").status_code == 404
    assert client.get("/assets/xyz").status_code == 404
    assert client.post(address).status_code == 405


def test_an_asset_is_kept_once_and_a_lost_one_is_said(db: None) -> None:
    sha256 = assets.keep(b"the same")
    written = assets.path_of(sha256).stat().st_mtime_ns
    assert assets.keep(b"the same") == sha256
    assert assets.path_of(sha256).stat().st_mtime_ns == written
    assets.path_of(sha256).unlink()
    with pytest.raises(AssetLost, match="backup"):
        assets.read(sha256)


def test_what_does_not_fit_is_refused_with_a_sentence(host: AvatarProfile) -> None:
    with pytest.raises(ValidationError, match="more than the 2000 that fit"):
        add_pairs(host, [pair(number) for number in range(MAX_PAIRS + 1)], by="Amina")
    with pytest.raises(ValidationError, match="has no text"):
        add_document(host, "Empty", " \n", by="Amina")
    with pytest.raises(ValidationError, match="over 5 MB"):
        add_document(host, "Long", "x" * (5 * 1024 * 1024 + 1), by="Amina")
    with pytest.raises(ValidationError, match="somebody else has removed"):
        change_pair(host, "p9", {"answer": "?"}, by="Amina")
    for number in range(20):
        add_document(host, f"Document {number}", f"Text {number}", by="Amina")
    with pytest.raises(ValidationError, match="20 documents at most"):
        add_document(host, "One more", "Text", by="Amina")
    assert len(known(host).documents) == 20


def test_a_document_of_the_same_name_is_replaced(host: AvatarProfile) -> None:
    add_document(host, "Rules", "Old rules.", by="Amina")
    add_document(host, "Rules", "New rules.", by="Amina")
    (document,) = known(host).documents
    assert assets.read(document.sha256) == b"New rules."


def test_rest_gives_and_replaces_what_a_profile_knows(host: AvatarProfile, api_as: Callable[..., Client]) -> None:
    address = f"/api/v1/profiles/{host.code}/knowledge"
    operator, viewer = api_as("operator"), api_as("viewer")
    assert viewer.get(address).json() == {"version": 1, "pairs": [], "documents": []}
    body: dict[str, list[Any]] = {
        "pairs": [
            {"language": "en", "question": "Where is the lift?", "answer": "On the left.", "group": "lift"},
            {
                "language": "ar",
                "question": "أين المصعد؟",
                "answer": "على اليسار.",
                "group": "lift",
                "also": ["أين الأسانسير؟"],
            },
        ],
        "documents": [{"name": "Rules", "text": "No running."}],
    }
    assert viewer.put(address, body, content_type="application/json").status_code == 403
    assert Client().put(address, body, content_type="application/json").status_code == 401
    put = operator.put(address, body, content_type="application/json")
    assert put.status_code == 200, put.content
    got = viewer.get(address).json()
    assert got == put.json()
    assert got["version"] == 2
    assert [each["question"] for each in got["pairs"]] == ["Where is the lift?", "أين المصعد؟"]
    assert [each["text"] for each in got["documents"]] == ["No running."]
    assert operator.put(address, json.dumps(got), content_type="application/json").status_code == 422, (
        "version is not for writing"
    )
    again = operator.put(
        address, {"pairs": got["pairs"], "documents": got["documents"]}, content_type="application/json"
    )
    assert again.json()["pairs"] == got["pairs"]
    for wrong in ({"pairs": [{"question": "", "answer": "x"}]}, {"pairs": [{"question": "x", "answer": "y", "language": "xx"}]},
                  {"documents": [{"name": "Empty", "text": " "}]}, {"pairs": body["pairs"] * 1001}):  # fmt: skip
        refused = operator.put(address, wrong, content_type="application/json")
        assert refused.status_code == 422, wrong
    assert len(known(host).pairs) == 2


def test_replacing_the_whole_knowledge_empties_it_too(guide: AvatarProfile) -> None:
    replace_knowledge(guide, Knowledge(), by="Amina")
    guide.refresh_from_db()
    assert guide.current is not None
    assert guide.current.knowledge == ""


def test_what_an_avatar_knows_or_says_it_with_is_rehearsed_when_it_changes(
    host: AvatarProfile, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with (
        patch("sessions.actions.profiles.enqueue") as enqueue,
        django_capture_on_commit_callbacks(execute=True),
    ):
        add_pairs(host, [pair()], by="Amina")
        host.refresh_from_db()
        edit_profile(host, {"voice": "heart"}, by="Amina")
        edit_profile(host, {"tagline": "At your service"}, by="Amina")
    assert enqueue.call_count == 2  # not for the tagline


def test_the_host_is_told_which_voices_say_the_answers(host: AvatarProfile) -> None:
    add_pairs(host, [pair()], by="Amina")
    copy = duplicate_profile(host, by="Amina")
    edit_profile(copy, {"voice": "heart"}, by="Amina")
    assert copy.current is not None
    with patch("sessions.knowledge.understanding.run_program") as run:
        understand_all()
    told = [call.args for call in run.call_args_list]
    assert ("understand", copy.current.knowledge, "--voice=cedar", "--voice=heart") in told


def test_what_changes_while_a_host_reads_is_read_in_one_more_round(host: AvatarProfile) -> None:
    rounds: list[tuple[str, ...]] = []

    def run(*command: str, **_: Any) -> dict[str, Any]:
        rounds.append(command)
        if len(rounds) == 1:
            understand_all()  # of another change; it leaves the work to who has begun
            assert len(rounds) == 1
        return {"understood": 1}

    edit_profile(host, {"knowledge": ""}, by="Amina")
    known = set(AvatarProfile.objects.exclude(current__knowledge="").values_list("current__knowledge", flat=True))
    with patch("sessions.knowledge.understanding.run_program", run):
        understand_all()
    assert len(rounds) == 2 * len(known)
