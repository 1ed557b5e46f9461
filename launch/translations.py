"""Compiled translations: what Django reads are the .mo files beside the .po files of `locale/`."""

from pathlib import Path

from launch import children
from launch.packages import ROOT, VENV

LOCALE = ROOT / "locale"


async def compile_translations() -> None:
    """Compile with Babel, which is installed by then, where a .po file is newer than what was made of it."""
    sources = list(LOCALE.glob("*/LC_MESSAGES/django.po"))
    if all(_is_compiled(source) for source in sources):
        return
    await children.run(
        "pybabel compile", [VENV / "bin" / "pybabel", "--quiet", "compile", "--domain=django", f"--directory={LOCALE}"]
    )


def _is_compiled(source: Path) -> bool:
    compiled = source.with_suffix(".mo")
    return compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime
