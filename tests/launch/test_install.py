import sys

import pytest

from launch import install
from launch.errors import LaunchError


def test_a_part_that_can_not_be_installed_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(lists: object) -> None:
        raise LaunchError("No room is left on the disk.")

    monkeypatch.setattr(install, "install_python_packages", fails)
    monkeypatch.setattr(sys, "argv", ["launch.install", "--packages-only"])
    assert install.main() == 1
    assert "No room is left on the disk." in capsys.readouterr().out
