import sys
from pathlib import Path

import pytest

from launch import browser, install
from launch.errors import LaunchError


def test_a_part_that_can_not_be_installed_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(lists: object) -> None:
        raise LaunchError("No room is left on the disk.")

    async def installs(_: object) -> None:
        pass

    monkeypatch.setattr(install, "install_python_packages", fails)
    monkeypatch.setattr(install, "install_browser_packages", installs)
    monkeypatch.setattr(sys, "argv", ["launch.install", "--packages-only"])
    assert install.main() == 1
    assert "No room is left on the disk." in capsys.readouterr().out


async def test_packages_alone_are_all_that_djangos_checks_look_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []

    def instead_of(name: str) -> None:
        async def note(*_: object) -> None:
            installed.append(name)

        monkeypatch.setattr(install, name, note)

    monkeypatch.setenv("AVATARY_HOME", str(tmp_path))
    monkeypatch.delenv("LIVEKIT_URL", raising=False)
    for name in ("install_python_packages", "install_browser_packages", "get_server", "compile_translations"):
        instead_of(name)
    await install.install(dev=True, packages_only=True)
    assert installed == ["install_python_packages", "install_browser_packages", "compile_translations"]


async def test_a_playwright_that_does_not_start_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "playwright"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho node: libatomic.so.1: cannot open shared object file\nexit 127\n")
    program.chmod(0o755)
    monkeypatch.setattr(browser, "VENV", tmp_path)
    with pytest.raises(LaunchError, match=r"(?s)cannot open shared object.*apt-get install libatomic1"):
        await browser.check_playwright()
