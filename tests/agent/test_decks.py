"""A PDF as slides: a page each, in order; or refused with what to do."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from PIL import Image

from agent.scene_files.deck import prepare_deck
from agent.scene_files.pictures import SLIDE
from agent.scene_files.refusals import RefusedFile
from tests.agent.builtin.scene.decks import deck, deck_with_a_vast_picture, deck_without_pages, locked_deck


def at(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_each_page_becomes_a_slide_of_the_tv_s_size_in_its_place(tmp_path: Path) -> None:
    shares: list[float] = []
    source = at(tmp_path / "tour", deck(["red", "white", "blue"]))
    pages = prepare_deck(source, tmp_path / "out", shares.append)
    assert [(page.width, page.height) for page in pages] == [SLIDE] * 3
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    shown: list[tuple[int, ...]] = []
    for file in sorted((tmp_path / "out").iterdir()):
        with Image.open(file) as slide:
            assert (slide.format, slide.size) == ("JPEG", SLIDE)
            shown.append(cast(tuple[int, ...], slide.getpixel((640, 360))))
    assert [max(range(3), key=colour.__getitem__) for colour in (shown[0], shown[2])] == [0, 2]
    assert min(shown[1]) > 250


def test_an_upright_page_keeps_its_shape(tmp_path: Path) -> None:
    (page,) = prepare_deck(at(tmp_path / "a4", deck(["red"], (595, 842))), tmp_path / "out", lambda _share: None)
    assert page.height == SLIDE[1]
    assert page.width == pytest.approx(SLIDE[1] * 595 / 842, abs=1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (locked_deck, "asks for a password; save it without one"),
        (lambda: deck(["red"] * 51, (64, 36)), "51 pages, and 50 slides are the most"),
        (lambda: deck(["red"])[:200], "The PDF is damaged; export it anew"),
        (lambda: b"", "This is no PDF"),
        (lambda: b"Dear sir or madam, " * 90, "This is no PDF"),
        (deck_with_a_vast_picture, "Page 1 holds a picture of 30000 by 30000"),
    ],
)
def test_what_is_no_deck_for_a_tv_is_refused_with_what_to_do(
    tmp_path: Path, content: Callable[[], bytes], sentence: str
) -> None:
    with pytest.raises(RefusedFile, match=sentence):
        prepare_deck(at(tmp_path / "deck", content()), tmp_path / "out", lambda _share: None)


def program(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "prepare-scene-file", "deck", str(source), str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_program_says_that_there_are_no_pages(tmp_path: Path) -> None:
    # In a process of its own, as always: PDFium's last error stays from one document to the next.
    done = program(at(tmp_path / "deck", deck_without_pages()), tmp_path / "out")
    assert (done.returncode, json.loads(done.stdout)) == (3, {"refused": "The PDF has no pages; export it anew."})


def test_the_program_tells_how_far_it_is_and_what_it_made_within_its_memory(tmp_path: Path) -> None:
    # A page of a photograph in the largest size that is taken.
    source = at(tmp_path / "deck", deck(["teal"], (8000, 5000)))
    done = program(source, tmp_path / "out")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0] == {"share": 1.0}
    assert told[-1] == {"pages": [{"width": 1152, "height": 720, "duration_s": None, "is_source": False}]}
    assert done.returncode == 0
