"""Captions burnt into the picture: shaped, in order, drawn once, gone when nothing is said."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from agent.avatars.builtin.drawing.i420 import planes_of
from agent.avatars.builtin.scene.captions import FONT, BurntCaptions, Words, direction_of, last_lines, seen
from agent.avatars.builtin.scene.scene_file import load_scene
from agent.avatars.builtin.scene.stage import Stage

ARABIC = "أهلاً بكم في المتحف"


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def captions(words: Words) -> BurntCaptions:
    return BurntCaptions(Stage(load_scene("museum-hall"), 640, 360), words)


def test_what_is_said_stands_in_the_band_and_vanishes(words: Words, captions: BurntCaptions) -> None:
    assert captions.shown() is None
    words.text = "Welcome to the museum"
    caption = captions.shown()
    assert caption is not None
    buffer = bytearray(640 * 360 * 3 // 2)
    frame = planes_of(buffer, 640, 360)
    caption.overlay.lie_over(frame)
    rows = np.where(frame.y.max(axis=1) > 180)[0]
    band = load_scene("museum-hall").file.captions
    assert rows.min() >= band.top / 3
    assert rows.max() <= (band.top + band.height) / 3
    words.text = ""
    assert captions.shown() is None


def test_a_caption_is_drawn_once_for_a_text(words: Words, captions: BurntCaptions) -> None:
    words.text = "Welcome"
    first = captions.shown()
    assert captions.shown() is first
    words.text = "Welcome to"
    assert captions.shown() is not first


def test_arabic_letters_are_joined_and_run_from_right_to_left() -> None:
    assert features.check("raqm")
    font = ImageFont.truetype(str(FONT), 48, layout_engine=ImageFont.Layout.RAQM)
    apart = sum(font.getlength(letter, direction="rtl") for letter in "متحف")
    assert font.getlength("متحف", direction="rtl") < 0.9 * apart  # letters by themselves have tails
    # what is said first stands on the right
    line, word = (Image.new("L", (400, 90)) for _ in range(2))
    ImageDraw.Draw(line).text((390, 60), "متحف 12", font=font, fill=255, direction="rtl", anchor="rs")
    ImageDraw.Draw(word).text((390, 60), "متحف", font=font, fill=255, direction="rtl", anchor="rs")
    left = 390 - int(font.getlength("متحف", direction="rtl"))
    right_of_line, alone = (np.asarray(picture)[:, left:].astype(int) for picture in (line, word))
    assert np.abs(right_of_line - alone).mean() < 4


def test_every_letter_of_both_languages_is_in_the_font() -> None:
    font = ImageFont.truetype(str(FONT), 40)
    nothing = bytes(font.getmask("\U0010ffff"))
    letters = "abcxyzABCXYZ0123456789.,;:!?'\"’“”—–…()%&@éüçñ" + "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي،؛؟٠١٢٣٤٥٦٧٨٩"
    assert [letter for letter in letters if bytes(font.getmask(letter)) == nothing] == []


def test_the_direction_is_that_of_the_first_letter() -> None:
    assert direction_of("12 " + ARABIC) == "rtl"
    assert direction_of("The word " + ARABIC) == "ltr"
    assert direction_of("…") == "ltr"


def test_pages_of_two_lines_fill_up_and_turn() -> None:
    text = "one two three four five six seven"
    pages = [last_lines(" ".join(text.split()[:count]), len, 10) for count in range(1, 8)]
    assert pages[1] == ["one two"]
    assert pages[3] == ["one two", "three four"]
    assert pages[4] == ["five six"[:4]]
    assert pages[6] == ["five six", "seven"]


def test_a_word_that_is_longer_than_a_line_is_cut() -> None:
    lines = last_lines("a" * 25, len, 10, count=9)
    assert "".join(lines) == "a" * 25
    assert max(map(len, lines)) <= 10


def test_emoji_and_control_characters_are_left_out() -> None:
    assert seen("Hello 👋🏽\n there\x07 ✈️!") == "Hello there !"


@pytest.mark.parametrize(
    "text", ["", "   ", "👋", "\u200f", "a" * 3000, ARABIC * 40, "مرحبا hello مرحبا 12 (x)", "\u0301"]
)
def test_any_text_can_be_said(text: str, words: Words, captions: BurntCaptions) -> None:
    words.text = text
    caption = captions.shown()
    assert (caption is None) == (not seen(text))
