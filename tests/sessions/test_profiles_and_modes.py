"""Profiles and modes: versions, bounds, what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.management import call_command
from django.db import connection, connections
from pydantic import ValidationError

from protocol.modes import BUILT_IN_MODES, ModeSettings
from sessions.actions.lifecycle import start_session
from sessions.actions.modes import archive_mode, copy_mode, edit_mode
from sessions.actions.profiles import archive_profile, create_profile, duplicate_profile, edit_profile
from sessions.errors import Archived, BuiltIn
from sessions.models import AvatarProfile, DeploymentMode

FIELDS = {"name": "Desk", "greeting": "Hello.", "language": "en", "provider": "builtin", "provider_settings": {}}


def test_the_demo_has_the_five_built_in_modes(demo: None) -> None:
    assert set(DeploymentMode.objects.values_list("slug", flat=True)) == set(BUILT_IN_MODES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"video_width": 0},
        {"video_width": 100_000},
        {"video_height": 721},
        {"video_fps": 0},
        {"output_buffer_size": -1},
        {"input_buffer_size": -1},
        {"idle_fps": 30},
        {"timeout_s": 0},
        {"codec": "av2"},
        {"no_such_setting": 1},
    ],
)
def test_a_mode_out_of_bounds_is_refused(wrong: dict[str, Any]) -> None:
    good = BUILT_IN_MODES["balanced"].model_dump()
    with pytest.raises(ValidationError):
        ModeSettings.model_validate({**good, **wrong})


def test_a_copied_mode_can_be_edited_and_keeps_its_versions(balanced: DeploymentMode) -> None:
    copy = copy_mode(balanced, by="Amina")
    assert copy.slug == "balanced-copy"
    assert copy_mode(balanced, by="Amina").slug == "balanced-copy-2"
    edit_mode(copy, {**BUILT_IN_MODES["balanced"].model_dump(), "video_fps": 20}, by="Amina")
    copy.refresh_from_db()
    assert copy.current is not None
    assert (copy.current.number, copy.current.settings.video_fps) == (2, 20)
    assert copy.versions.get(number=1).settings.video_fps == 25


def test_a_built_in_mode_cannot_be_changed(balanced: DeploymentMode) -> None:
    with pytest.raises(BuiltIn):
        edit_mode(balanced, {}, by="Amina")
    with pytest.raises(BuiltIn):
        archive_mode(balanced)


def test_a_greeting_of_a_megabyte_is_refused_and_nothing_is_written(db: None) -> None:
    with pytest.raises(DjangoValidationError, match="greeting"):
        create_profile({**FIELDS, "greeting": "a" * 1_000_000}, by="Amina")
    assert not AvatarProfile.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"provider_settings": {"presenter": "nobody"}}, "presenter"),
        ({"provider_settings": {"presenter": ["omar"]}}, "presenter"),
        ({"provider_settings": {"presenter": float("nan")}}, "presenter"),
        ({"provider_settings": {"presenter": "omar", "api_key": "x"}}, "api_key"),
        ({"provider_settings": {"depth": float("nan")}}, "depth"),
        ({"provider": "somebody"}, "somebody"),
        ({"voice": "nobody"}, "nobody"),
        ({"name": " \n "}, "name"),
        ({"name": "Nul\0l"}, "(?i)null"),
        ({"greeting": "Nul\0l"}, "(?i)null"),
    ],
)
def test_a_profile_that_no_job_could_serve_is_refused_and_nothing_is_written(
    db: None, wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DjangoValidationError, match=sentence):
        create_profile({**FIELDS, **wrong}, by="Amina")
    assert not AvatarProfile.objects.exists()


def test_the_space_around_a_name_is_dropped(db: None) -> None:
    assert str(create_profile({**FIELDS, "name": " Desk "}, by="Amina")) == "Desk"


def test_a_copys_slug_fits_its_column(balanced: DeploymentMode) -> None:
    slugs = [copy_mode(balanced, by="Amina", slug="x" * 300).slug for _ in range(11)]
    assert len(set(slugs)) == 11
    assert {len(slug) for slug in slugs} == {60}
    long = DeploymentMode.objects.get(slug=slugs[0])
    assert len(copy_mode(long, by="Amina").slug) <= 60


def test_editing_writes_a_new_version_and_keeps_what_was_not_given(db: None) -> None:
    profile = create_profile(FIELDS, by="Amina")
    edit_profile(profile, {"name": "Front desk"}, by="Clara")
    assert profile.current is not None
    assert (profile.current.number, profile.current.name, profile.current.greeting) == (2, "Front desk", "Hello.")
    assert profile.versions.get(number=1).name == "Desk"


def test_a_duplicate_is_a_profile_of_its_own(db: None) -> None:
    profile = create_profile(FIELDS, by="Amina")
    copy = duplicate_profile(profile, by="Amina")
    edit_profile(copy, {"greeting": "Good day."}, by="Amina")
    profile.refresh_from_db()
    assert profile.current is not None
    assert profile.current.greeting == "Hello."
    assert str(copy) == "Copy of Desk"


def test_an_archived_profile_cannot_be_edited(db: None) -> None:
    profile = create_profile(FIELDS, by="Amina")
    assert archive_profile(profile) is True
    profile.refresh_from_db()
    with pytest.raises(Archived):
        edit_profile(profile, {"name": "Other"}, by="Amina")


EDITORS = 8
on_postgres = pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite's writers come one after the other by themselves; tests.on_postgres runs this",
)


def all_at_once(act: Callable[[int], object]) -> None:
    """Eight operators do it in the same moment; raises what any of them raises."""
    barrier = Barrier(EDITORS)

    def one(number: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(EDITORS) as pool:
        list(pool.map(one, range(EDITORS)))


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_operators_who_edit_a_profile_in_the_same_moment_each_get_a_version(guide: AvatarProfile) -> None:
    all_at_once(
        lambda number: edit_profile(AvatarProfile.objects.get(pk=guide.pk), {"name": f"Guide {number}"}, by="Amina")
    )
    guide.refresh_from_db()
    assert guide.current is not None
    assert list(guide.versions.values_list("number", flat=True)) == list(range(1, EDITORS + 2))
    assert guide.current.number == EDITORS + 1


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_operators_who_edit_and_copy_a_mode_in_the_same_moment_do_not_collide(balanced: DeploymentMode) -> None:
    copy = copy_mode(balanced, by="Amina")
    settings = BUILT_IN_MODES["balanced"].model_dump()
    all_at_once(lambda number: edit_mode(DeploymentMode.objects.get(pk=copy.pk), settings, by="Amina"))
    assert copy.versions.count() == EDITORS + 1
    all_at_once(lambda number: copy_mode(DeploymentMode.objects.get(pk=balanced.pk), by="Amina"))
    assert DeploymentMode.objects.filter(slug__startswith="balanced-copy").count() == EDITORS + 1


@pytest.mark.parametrize(
    ("quality", "picture"),
    [({}, (640, 360, 15)), ({"quality": "low"}, (320, 240, 10)), ({"quality": "high"}, (1280, 720, 30)),
     ({"quality": "mode"}, (1280, 720, 25))],
)  # fmt: skip
def test_a_test_card_s_quality_is_the_picture_that_the_job_is_ordered(
    quality: dict[str, str], picture: tuple[int, int, int], balanced: DeploymentMode
) -> None:
    card = create_profile({**FIELDS, "provider": "test-card", "provider_settings": quality}, by="Amina")
    ordered = start_session(profile=card, mode=balanced, by="Amina").as_job_spec().mode
    assert (ordered.video_width, ordered.video_height, ordered.video_fps) == picture
    assert ModeSettings.model_validate(ordered.model_dump()) == ordered
    assert ordered.retries == BUILT_IN_MODES["balanced"].retries


def test_a_test_card_takes_no_presenter(demo: None) -> None:
    with pytest.raises(DjangoValidationError, match="presenter"):
        create_profile({**FIELDS, "provider": "test-card", "provider_settings": {"presenter": "omar"}}, by="Amina")


@pytest.mark.parametrize("changes", [{"scene": "cellar"}, {"scene": 3}, {"tv": "opera"}, {"captions_burnt_in": "loud"}])
def test_a_place_or_programme_that_no_host_has_is_refused(changes: dict[str, Any], demo: None) -> None:
    with pytest.raises(DjangoValidationError, match=next(iter(changes))):
        create_profile({**FIELDS, "provider_settings": changes}, by="Amina")


def test_with_stand_ins_there_is_a_profile_for_each_hosted_avatar_once(demo: None, settings: Any) -> None:
    settings.HAS_STAND_INS = True
    for _ in range(2):
        call_command("load_demo")
    made = AvatarProfile.objects.filter(current__provider__in=("bithuman", "tavus", "bey"))
    assert sorted(profile.current.provider for profile in made if profile.current) == ["bey", "bithuman", "tavus"]
    assert all(len(profile.current.other_settings) == 3 for profile in made if profile.current)
