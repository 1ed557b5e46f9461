"""What becomes of an uploaded picture: the tasks, what they leave behind when things go wrong, and who is told."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from operators.models import Role
from protocol.avatar import SceneOrder
from sessions import agent_programs, assets, portrait_tasks
from sessions.actions import portrait_progress as progress
from sessions.actions import portraits as actions
from sessions.actions.lifecycle import end_session, finish_session
from sessions.actions.profiles import duplicate_profile, edit_profile
from sessions.errors import PortraitBusy, PortraitNotReady, PortraitOnAir, PortraitWorn
from sessions.models import (
    AgentWorker,
    AvatarProfile,
    AvatarSession,
    ClipStatus,
    EndReason,
    FileToForget,
    Portrait,
    PortraitStatus,
    SessionEvent,
)
from sessions.scene.stills import Still
from tests.faces import as_file, photograph

OnCommit = Any


def upload(profile: AvatarProfile, content: bytes = b"a picture", **fields: Any) -> Portrait:
    return actions.upload_portrait(
        profile, content, **{"name": "Anna", "crop": None, "consented": True, "by": "Amina", **fields}
    )


def ready(profile: AvatarProfile, content: bytes = b"a picture") -> Portrait:
    portrait = upload(profile, content)
    progress.record_taken(portrait)
    progress.record_prepared(portrait, b"face of " + content, b"still", face_height_px=500, own_background=False)
    portrait.refresh_from_db()
    return portrait


def test_a_picture_becomes_a_face_that_speaks(guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    record = progress.record_progress

    def recorded(portrait: Portrait, stage: str, share: float) -> bool:
        told.append(stage)
        return record(portrait, stage, share)

    monkeypatch.setattr(progress, "record_progress", recorded)
    assert guide.current is not None
    guide = AvatarProfile.objects.get(pk=edit_profile(guide, {"greeting": "Hello."}, by="Amina").profile_id)
    portrait = upload(guide, as_file(photograph()), crop=[0.1, 0, 0.9, 1])
    portrait_tasks.prepare_portrait(portrait.pk)
    portrait.refresh_from_db()
    assert (portrait.status, portrait.detail) == (PortraitStatus.PREPARED, "")
    assert told[:2] == ["reading", "finding the face"]
    assert assets.read(portrait.still).startswith(b"\xff\xd8")
    assert portrait.face_height_px is not None
    portrait_tasks.make_clip(portrait.pk)
    portrait.refresh_from_db()
    assert (portrait.clip_status, portrait.clip_detail) == (ClipStatus.MADE, "")
    assert assets.read(portrait.clip).startswith(b"\x1a\x45\xdf\xa3"), "WebM"


def test_what_is_no_portrait_is_refused_with_its_reason_and_stays_to_be_seen(guide: AvatarProfile) -> None:
    portrait = upload(guide, b"hello, I am a text")
    portrait_tasks.prepare_portrait(portrait.pk)
    portrait.refresh_from_db()
    assert (portrait.status, portrait.refusal) == (PortraitStatus.REFUSED, "not_a_picture")
    assert assets.read(portrait.source)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (agent_programs.ProgramFailed("Traceback"), "kept: try again"),
        (agent_programs.ProgramTooSlow("late"), "took too long"),
        (OSError("no space"), "kept: try again"),
        ({"prepared": "nonsense"}, "kept: try again"),
        ({}, "kept: try again"),
    ],
)
def test_whatever_goes_wrong_the_picture_is_kept_and_can_be_tried_again(
    guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch, outcome: Any, words: str
) -> None:
    def run(*_: str, **__: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(portrait_tasks, "run_program", run)
    portrait = upload(guide)
    portrait_tasks.prepare_portrait(portrait.pk)
    portrait.refresh_from_db()
    assert portrait.status == PortraitStatus.FAILED
    assert words in portrait.detail
    assert "Traceback" not in portrait.detail
    assert assets.read(portrait.source) == b"a picture"
    actions.prepare_again(portrait)
    portrait.refresh_from_db()
    assert portrait.status == PortraitStatus.WAITING


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(agent_programs.ProgramTooSlow):
        agent_programs.run_program("status", told=lambda said: None, limit_s=0.01)


def test_a_program_that_fails_says_why_in_the_log_only() -> None:
    with pytest.raises(agent_programs.ProgramFailed, match="no order"):
        agent_programs.run_program(
            "preview-portrait", "/nowhere", "/nowhere", told=lambda said: None, limit_s=60, order="{}"
        )


def test_two_tasks_for_one_picture_are_one(guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def run(*words: str, **_: Any) -> dict[str, Any]:
        runs.append(words[0])
        return {}

    monkeypatch.setattr(portrait_tasks, "run_program", run)
    portrait = upload(guide)
    portrait_tasks.prepare_portrait(portrait.pk)
    portrait_tasks.prepare_portrait(portrait.pk)
    assert runs == ["prepare-portrait"]
    portrait_tasks.prepare_portrait(portrait.pk + 1)  # gone


def test_a_portrait_that_was_removed_while_it_was_prepared_leaves_nothing(
    guide: AvatarProfile, django_capture_on_commit_callbacks: OnCommit
) -> None:
    portrait = upload(guide, b"removed meanwhile")
    progress.record_taken(portrait)
    with django_capture_on_commit_callbacks(execute=True):
        actions.remove_portrait(portrait)
    with django_capture_on_commit_callbacks(execute=True):
        assert not progress.record_prepared(
            portrait, b"too late", b"late still", face_height_px=1, own_background=False
        )
    for content in (b"removed meanwhile", b"too late", b"late still"):
        assert not assets.path_of(hashlib.sha256(content).hexdigest()).exists(), content


def test_what_a_queue_has_dropped_is_ordered_again_and_what_was_left_half_way_ends(
    guide: AvatarProfile, django_capture_on_commit_callbacks: OnCommit
) -> None:
    waiting, working, speaking = upload(guide), upload(guide), ready(guide)
    progress.record_taken(working)
    progress.record_clip_taken(speaking)
    long_ago = timezone.now() - timedelta(minutes=10)
    Portrait.objects.update(changed_at=long_ago, clip_changed_at=long_ago)
    with django_capture_on_commit_callbacks() as ordered:
        portrait_tasks.resume_stranded_portraits()
    tasks = [call.args[0] for call in ordered if isinstance(call, partial) and call.args]
    assert tasks == [portrait_tasks.prepare_portrait]
    for portrait in (waiting, working, speaking):
        portrait.refresh_from_db()
    assert waiting.status == PortraitStatus.WAITING
    assert (working.status, "interrupted" in working.detail) == (PortraitStatus.FAILED, True)
    assert (speaking.status, speaking.clip_status) == (PortraitStatus.PREPARED, ClipStatus.FAILED)
    with django_capture_on_commit_callbacks() as ordered:
        portrait_tasks.resume_stranded_portraits()
    assert not ordered, "not again at once"


def test_consent_is_not_optional_and_portraits_are_bounded(
    guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError, match="agrees"):
        upload(guide, consented=False)
    monkeypatch.setattr(actions, "MAX_PORTRAITS", 1)
    upload(guide)
    with pytest.raises(ValidationError, match="Remove one first"):
        upload(guide)


def test_a_session_s_order_names_the_portrait_and_goes_without_when_it_is_lost(
    guide: AvatarProfile, start: Callable[..., AvatarSession]
) -> None:
    portrait = ready(guide, b"for the order")
    actions.use_portrait(portrait, by="Amina")
    session = start(profile=AvatarProfile.objects.get(pk=guide.pk))
    spec = session.as_job_spec()
    assert spec.portrait is not None
    assert spec.portrait.sha256 == portrait.prepared
    assert spec.profile.provider_settings["portrait"] == str(portrait.code)
    assert spec == session.as_job_spec(), "the same order each time"
    assets.forget(portrait.prepared)
    assert session.as_job_spec().portrait is None


def test_what_is_worn_or_on_air_is_not_removed(guide: AvatarProfile, start: Callable[..., AvatarSession]) -> None:
    portrait = ready(guide)
    actions.use_portrait(portrait, by="Amina")
    session = start(profile=AvatarProfile.objects.get(pk=guide.pk))
    with pytest.raises(PortraitWorn, match="Maryam"):
        actions.remove_portrait(portrait)
    edit_profile(AvatarProfile.objects.get(pk=guide.pk), {"provider_settings": {}}, by="Amina")
    with pytest.raises(PortraitOnAir, match="on air in 1"):
        actions.remove_portrait(portrait)
    end_session(session, EndReason.OPERATOR_STOPPED)
    finish_session(session)
    actions.remove_portrait(portrait)
    assert not Portrait.objects.exists()


def test_a_copy_of_a_profile_wears_the_portrait_too_and_keeps_it(guide: AvatarProfile) -> None:
    portrait = ready(guide)
    actions.use_portrait(portrait, by="Amina")
    copy = duplicate_profile(AvatarProfile.objects.get(pk=guide.pk), by="Amina")
    assert copy.current is not None
    assert copy.current.portrait == str(portrait.code)
    edit_profile(AvatarProfile.objects.get(pk=guide.pk), {"provider_settings": {}}, by="Amina")
    with pytest.raises(PortraitWorn, match="Copy of"):
        actions.remove_portrait(portrait)


def test_removing_deletes_every_file_that_no_other_portrait_needs(
    guide: AvatarProfile, django_capture_on_commit_callbacks: OnCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    AgentWorker.objects.create(host="far", state="running")
    ordered: list[tuple[Any, ...]] = []
    monkeypatch.setattr(actions, "enqueue", lambda task, *args, **options: ordered.append((task, *args, options)))
    seen = Path(settings.HOME) / "stills" / "scene.jpg"
    seen.parent.mkdir(parents=True, exist_ok=True)
    seen.write_bytes(b"a scene with somebody in it")
    one, twin = ready(guide, b"twins"), ready(guide, b"twins")
    alone = ready(guide, b"alone")
    with django_capture_on_commit_callbacks(execute=True):
        actions.remove_portrait(one)
    assert all(assets.path_of(sha256).exists() for sha256 in twin.files)
    ordered.clear()
    with django_capture_on_commit_callbacks(execute=True):
        actions.remove_portrait(alone)
    assert not seen.exists(), "a still may show them"
    assert not assets.path_of(alone.source).exists()
    assert not assets.path_of(alone.prepared).exists()
    assert assets.path_of(alone.still).exists(), "the twin has the same"
    assert ordered == [(portrait_tasks.forget_files, {"queue": "host.far"})]


def test_another_host_is_asked_until_it_has_deleted_what_was_removed(
    guide: AvatarProfile, django_capture_on_commit_callbacks: OnCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = AgentWorker.objects.create(host="far", state="running")
    portrait = ready(guide)
    with django_capture_on_commit_callbacks():  # Redis is away: the order is dropped
        actions.remove_portrait(portrait)
    assert {row.sha256 for row in FileToForget.objects.filter(host="far")} == portrait.files

    def asked() -> int:
        FileToForget.objects.update(asked_at=timezone.now() - timedelta(minutes=10))
        with django_capture_on_commit_callbacks() as ordered:
            portrait_tasks.resume_stranded_portraits()
        return len(ordered)

    assert asked() == 0, "nobody is there"
    AgentWorker.objects.filter(pk=far.pk).update(host_seen_at=timezone.now())
    assert asked() == 1
    monkeypatch.setattr(settings, "HOST_NAME", "far")
    copies = [assets.path_of(sha256) for sha256 in portrait.files]
    for copy in copies:
        copy.write_bytes(b"a copy")
    portrait_tasks.forget_files()
    assert not any(copy.exists() for copy in copies)
    assert asked() == 0


def test_a_clip_made_anew_replaces_the_earlier_one(
    guide: AvatarProfile, django_capture_on_commit_callbacks: OnCommit
) -> None:
    portrait = ready(guide)
    progress.record_clip_taken(portrait)
    progress.record_clip_made(portrait, b"first words")
    portrait.refresh_from_db()
    earlier = portrait.clip
    with pytest.raises(PortraitNotReady):
        actions.order_clip(upload(guide))
    actions.order_clip(portrait)
    with pytest.raises(PortraitBusy):
        actions.order_clip(portrait)
    progress.record_clip_taken(portrait)
    with django_capture_on_commit_callbacks(execute=True):
        progress.record_clip_made(portrait, b"other words")
    assert not assets.path_of(earlier).exists()
    portrait.refresh_from_db()
    actions.order_clip(portrait)
    progress.record_clip_taken(portrait)
    with django_capture_on_commit_callbacks(execute=True):
        progress.record_clip_made(portrait, b"other words")
    assert assets.read(portrait.clip) == b"other words", "the same words again"


def test_the_scene_s_still_is_ordered_with_the_face_that_is_worn(
    as_amina: Client, guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered: list[SceneOrder] = []

    def order_still(order: SceneOrder) -> Still:
        ordered.append(order)
        return Still("0" * 32, None, failed=False)

    monkeypatch.setattr("sessions.views.scene.order_still", order_still)
    portrait = ready(guide)
    actions.use_portrait(portrait, by="Amina")
    as_amina.post(f"/profiles/{guide.code}/scene/still", {"scene": "lobby", "tv": "none", "slide_s": "8"})
    assert [order.portrait for order in ordered] == [portrait.prepared]


def test_a_profile_that_shows_a_test_card_gets_a_face_by_wearing_one(guide: AvatarProfile) -> None:
    edit_profile(guide, {"provider": "test-card", "provider_settings": {}}, by="Amina")
    portrait = ready(AvatarProfile.objects.get(pk=guide.pk))
    version = actions.use_portrait(portrait, by="Amina")
    assert (version.provider, version.portrait) == ("builtin", str(portrait.code))


def test_programs_can_upload_look_use_and_remove(api_as: Callable[[Role], Client], guide: AvatarProfile) -> None:
    operator, place = api_as(Role.OPERATOR), f"/api/v1/profiles/{guide.code}/portraits"

    def send(**change: Any) -> Any:
        picture = SimpleUploadedFile("anna.jpg", as_file(photograph()))
        return operator.post(place, {"picture": picture, "consent": "true", "crop": "0,0,0.9,1", **change})

    answer = send()
    assert answer.status_code == 201, answer.content
    added = answer.json()
    assert (added["name"], added["status"], added["clip"]) == ("anna", "waiting", "none")
    assert added["consent_by"]
    for change, words in (
        ({"consent": "false"}, "agrees"),
        ({"picture": SimpleUploadedFile("a.jpg", b"text")}, "not a picture"),
        ({"crop": "9"}, "crop"),
    ):
        refused = send(**change)
        assert refused.status_code == 422, change
        assert words in refused.json()["detail"]
    portrait = Portrait.objects.get()
    assert operator.post(f"{place}/{portrait.code}/use").status_code == 409
    progress.record_taken(portrait)
    progress.record_refused(portrait, "no_face", "from the program")
    assert operator.get(place).json()[0]["reason"].startswith("No human face")
    worn = ready(guide)
    assert operator.post(f"{place}/{worn.code}/use").json()["portrait"]["code"] == str(worn.code)
    assert operator.delete(f"{place}/{worn.code}").status_code == 409
    assert operator.delete(f"{place}/{portrait.code}").status_code == 204
    viewer = api_as(Role.VIEWER)
    assert viewer.get(place).status_code == 403
    assert viewer.delete(f"{place}/{worn.code}").status_code == 403


def test_programs_can_wear_and_read_a_portrait(api_as: Callable[[Role], Client], guide: AvatarProfile) -> None:
    operator = api_as(Role.OPERATOR)
    portrait = ready(guide)
    body = {"name": "Maryam", "greeting": "Hello.", "provider_settings": {"portrait": str(portrait.code)}}
    answer = operator.put(f"/api/v1/profiles/{guide.code}", body, "application/json")
    assert answer.status_code == 200
    assert answer.json()["portrait"] == {"code": str(portrait.code), "name": "Anna"}
    for wrong in ("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "not a code", 7):
        refused = operator.put(
            f"/api/v1/profiles/{guide.code}", {**body, "provider_settings": {"portrait": wrong}}, "application/json"
        )
        assert refused.status_code == 422, wrong
    plain = operator.put(f"/api/v1/profiles/{guide.code}", {**body, "provider_settings": {}}, "application/json")
    assert plain.json()["portrait"] is None
    assert SessionEvent.objects.count() == 0
