"""Variables of the environment as an installation's defaults: what wins over what, and what is refused at the start."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client

from launch.state import INSTALL_VARIABLES
from operators.models import Operator, Role
from protocol.install import ALL_VARIABLES, read_install
from protocol.modes import BUILT_IN_MODES
from sessions.actions.modes import copy_mode, load_built_in_modes
from sessions.install import install
from sessions.management.commands.load_demo import MODE_DESCRIPTIONS
from sessions.models import AvatarProfile, DeploymentMode


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets variables as they would be at the start."""

    def put(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        install.cache_clear()

    install.cache_clear()
    yield put
    monkeypatch.undo()
    install.cache_clear()


def test_without_variables_the_built_in_modes_are_as_they_are() -> None:
    defaults = read_install({})
    assert (defaults.default_mode, defaults.modes, defaults.bad) == ("balanced", BUILT_IN_MODES, ())


def test_a_variable_wins_over_a_built_in_mode_and_rates_follow_the_frame_rate_down() -> None:
    defaults = read_install(
        {"AVATAR_VIDEO_WIDTH": "640", "AVATAR_VIDEO_HEIGHT": "360", "AVATAR_VIDEO_FPS": "10", "COMPRESS_METHOD": "none"}
    )
    settings = defaults.modes["stable"]
    assert defaults.bad == ()
    assert (settings.video_width, settings.video_height, settings.video_fps) == (640, 360, 10)
    assert (settings.idle_fps, settings.tv_fps, settings.compress_method) == (10, 10, "NONE")
    assert settings.retries == BUILT_IN_MODES["stable"].retries
    assert defaults.variables["compress_method"] == "COMPRESS_METHOD"


@pytest.mark.parametrize(
    ("variables", "process_idle_video"),
    [
        ({"PROCESS_IDLE_VIDEO": "False"}, False),
        ({"LIVA_IDEL_VIDEO_ENABLED": "False"}, False),
        ({"PROCESS_IDLE_VIDEO": "True", "LIVA_IDEL_VIDEO_ENABLED": "False"}, True),
    ],
)
def test_bithumans_own_name_is_followed_where_the_plain_one_is_not_set(
    variables: dict[str, str], process_idle_video: bool
) -> None:
    defaults = read_install(variables)
    assert {settings.process_idle_video for settings in defaults.modes.values()} == {process_idle_video}


@pytest.mark.parametrize(
    "wrong",
    [
        {"DEPLOYMENT_MODE": "fastest"},
        {"AVATAR_VIDEO_WIDTH": "wide"},
        {"AVATAR_VIDEO_WIDTH": "100000"},
        {"COMPRESS_METHOD": "ZIP"},
        {"LOADING_MODE": "later"},
        {"PROCESS_IDLE_VIDEO": "perhaps"},
        {"BITHUMAN_LOCAL_MODE": "perhaps"},
        {"BITHUMAN_MODEL": "expressive"},
    ],
)
def test_a_value_that_is_none_is_refused_at_the_start_by_number_and_with_its_fix(
    environment: Any, wrong: dict[str, str]
) -> None:
    environment(**wrong)
    with pytest.raises(SystemCheckError, match=r"(?s)avatary\.E001.*HINT: .*or remove it"):
        call_command("check")


def test_values_that_cannot_be_together_are_refused_at_the_start(environment: Any) -> None:
    environment(AVATAR_VIDEO_WIDTH="1920", AVATAR_VIDEO_HEIGHT="1080", AVATAR_VIDEO_FPS="60")
    with pytest.raises(SystemCheckError, match=r"(?s)avatary\.E002.*constrained.*700 kbit/s"):
        call_command("check")


def test_a_variable_without_effect_is_told_and_stops_nothing(
    environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(LIVA_AUTO_SAY_HI="True")
    call_command("check")
    assert "avatary.W001" in capsys.readouterr().err


def test_a_misspelt_variable_is_told_with_the_one_that_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BITHUMAN_AVATARID", "A23WJF0199")
    monkeypatch.setenv("BITHUMAN_API_SECRET", "known")
    call_command("check")
    told = capsys.readouterr().err
    assert "avatary.W002" in told
    assert "Is BITHUMAN_AVATAR_ID meant?" in told
    assert "BITHUMAN_API_SECRET" not in told


def test_a_changed_environment_is_a_new_version_of_the_built_in_modes_and_no_copy_follows_it(
    environment: Any, demo: None
) -> None:
    copy = copy_mode(DeploymentMode.objects.get(slug="balanced"), by="Amina")
    environment(AVATAR_VIDEO_FPS="20")
    for _ in range(2):
        load_built_in_modes(MODE_DESCRIPTIONS)
    versions = DeploymentMode.objects.get(slug="balanced").versions.order_by("number")
    assert [(each.settings.video_fps, each.from_environment) for each in versions] == [
        (25, {}),
        (20, {"video_fps": "AVATAR_VIDEO_FPS"}),
    ]
    copy.refresh_from_db()
    assert copy.current is not None
    assert copy.current.settings.video_fps == 25


def test_pages_say_what_comes_from_the_environment(environment: Any, as_amina: Client, amina: Operator) -> None:
    environment(OUTPUT_WIDTH="960", DEPLOYMENT_MODE="constrained", TAVUS_PAL_ID="p123")
    call_command("load_demo")
    assert "from environment: <code>OUTPUT_WIDTH</code>" in as_amina.get("/modes/stable/").content.decode()
    start = as_amina.get("/sessions/start").content.decode()
    assert 'value="constrained" checked' in start
    assert start.count("from environment") == 1
    profile = as_amina.get("/profiles/new").content.decode()
    assert 'value="p123"' in profile
    assert "From the environment: TAVUS_PAL_ID." in profile


def test_a_program_that_names_no_mode_starts_in_the_installations_default(
    environment: Any, api_as: Callable[[Role], Client], guide: AvatarProfile
) -> None:
    environment(DEPLOYMENT_MODE="stable")
    body = {"profile": str(guide.code)}
    assert (
        api_as(Role.OPERATOR).post("/api/v1/sessions", body, content_type="application/json").json()["mode"] == "stable"
    )


def test_launch_hands_on_every_variable_that_is_read() -> None:
    assert sorted(INSTALL_VARIABLES) == sorted(ALL_VARIABLES)
