"""Films, slides and logos as operators bring them: taken, made smaller, or refused with what to do; and then in a session."""

import asyncio
import hashlib
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agent.assets import AssetStore
from agent.avatars.builtin.own_files import OwnFiles, OwnFilm, OwnSlides, read_logo
from agent.avatars.builtin.scene.programme import ProgrammeError, Timed
from agent.avatars.builtin.scene.video import Video, open_film
from agent.scene_files.film import CANVAS, prepare_film
from agent.scene_files.pictures import LOGO, SLIDE, prepare_logo, prepare_slide
from agent.scene_files.refusals import RefusedFile
from agent.scene_files.still import draw_scene
from protocol.assets import AssetRef
from protocol.avatar import SCENES, BuiltinSettings, SceneOrder, TvProgramme
from protocol.jobspec import ProfileSpec
from protocol.scene_files import SceneFile
from tests.agent.builtin.scene.films import film, sound_only
from tests.agent.conftest import GREETING, eventually

SMALL = (64, 36)


def nothing(_share: float) -> None:
    """Progress that nobody looks at."""


def greys(path: Path, count: int) -> list[tuple[float, float]]:
    """When the first pictures of a film are due, and how bright they are in the middle."""
    pictures = Video(path).pictures(SMALL, 30, pytest.fail)
    return [(each.at_s, float(each.planes.y[18, 32])) for each, _ in zip(pictures, range(count), strict=False)]


# -- films ---------------------------------------------------------------------------------------------------------------


def test_a_film_that_the_tv_can_play_stays_as_it_came(tmp_path: Path) -> None:
    source = film(tmp_path / "tour.mp4", [number / 25 for number in range(75)])
    prepared = prepare_film(source, tmp_path / "out", "tour.mp4", nothing)
    assert (prepared.width, prepared.height, prepared.is_source) == (64, 36, True)
    assert prepared.duration_s == pytest.approx(3, abs=0.1)
    assert not (tmp_path / "out").exists()


def test_a_film_in_4k_of_variable_rate_is_made_smaller_and_keeps_its_times(tmp_path: Path) -> None:
    times_s = [0, 0.1, 0.5, 0.6, 1.4]
    source = film(tmp_path / "4k.mp4", times_s, width=3840, height=2160)
    shares: list[float] = []
    prepared = prepare_film(source, tmp_path / "out", "4k.mp4", shares.append)
    assert (prepared.width, prepared.height, prepared.is_source) == (*CANVAS, False)
    assert shares
    with open_film(tmp_path / "out", "out") as smaller:
        assert smaller.streams.video[0].codec_context.width == CANVAS[0]
    shown = greys(tmp_path / "out", len(times_s))
    assert [at_s for at_s, _ in shown] == pytest.approx(times_s, abs=0.02)
    assert [grey for _, grey in shown] == sorted(grey for _, grey in shown)


def test_an_hour_is_taken_without_being_read_through(tmp_path: Path) -> None:
    source = film(tmp_path / "hour.mp4", range(0, 3600, 10))
    prepared = prepare_film(source, tmp_path / "out", "hour.mp4", nothing)
    assert prepared.duration_s == pytest.approx(3600, abs=15)


def test_a_film_that_is_damaged_in_places_is_taken(tmp_path: Path) -> None:
    source = film(tmp_path / "torn.avi", [number / 25 for number in range(100)])
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\x55" * 2000
    source.write_bytes(content)
    assert prepare_film(source, tmp_path / "out", "torn.avi", nothing).is_source


def text(path: Path) -> Path:
    path.write_text("Dear sir or madam,\n" * 50)
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def torn_off(path: Path) -> Path:
    whole = film(path, [number / 25 for number in range(50)]).read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    return path


def garbage(path: Path) -> Path:
    path.write_bytes(b"\0\0\0\x20ftypisom" + np.random.default_rng(1).bytes(20_000))
    return path


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (text, "no video that can be read"),
        (empty, "no video that can be read"),
        (garbage, "no video that can be read"),
        (torn_off, "no video that can be read"),
        (sound_only, "only sound"),
        (lambda path: film(path, [0, 0.1], width=4200, height=64), "4200 by 64.*smaller"),
        (lambda path: film(path, range(0, 5 * 3600, 20)), "5.0 hours long, and 4 are the most"),
    ],
)
def test_what_is_no_film_for_a_tv_is_refused_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(RefusedFile, match=sentence):
        prepare_film(make(tmp_path / "film.mp4"), tmp_path / "out", "film.mp4", nothing)


# -- slides and logos ------------------------------------------------------------------------------------------------------


def picture(path: Path, size: tuple[int, int] = (64, 36), colour: tuple[int, ...] = (200, 30, 30)) -> Path:
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(path)
    return path


def bomb(path: Path) -> Path:
    """A PNG of 30 000 by 30 000 pixels in a few hundred bytes."""
    head = (30_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    chunks = b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def test_a_photograph_becomes_a_slide_of_the_tv_s_size_and_stands_upright(tmp_path: Path) -> None:
    photograph = Image.new("RGB", (4000, 3000), "navy")
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    photograph.save(tmp_path / "photo.jpg", exif=exif)
    prepared = prepare_slide(tmp_path / "photo.jpg", tmp_path / "out")
    assert (prepared.width, prepared.height) == (540, SLIDE[1])
    with Image.open(tmp_path / "out") as slide:
        assert slide.format == "JPEG"
        assert slide.size == (540, 720)


def test_a_transparent_slide_stands_on_white(tmp_path: Path) -> None:
    prepare_slide(picture(tmp_path / "s.png", colour=(0, 0, 0, 0)), tmp_path / "out")
    with Image.open(tmp_path / "out") as slide:
        assert slide.getpixel((5, 5)) == (255, 255, 255)


def test_a_logo_loses_the_empty_space_around_it_and_keeps_its_opacity(tmp_path: Path) -> None:
    whole = Image.new("RGBA", (3000, 3000), (0, 0, 0, 0))
    whole.paste((10, 120, 90, 255), (1000, 1400, 2200, 1700))
    whole.save(tmp_path / "logo.png")
    prepared = prepare_logo(tmp_path / "logo.png", tmp_path / "out")
    assert (prepared.width, prepared.height) == (LOGO[0], 120)
    assert np.asarray(cv2.imread(str(tmp_path / "out"), cv2.IMREAD_UNCHANGED)).shape == (120, 480, 4)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"%PDF-1.7 and so on", "PDF by another name; end its name with .pdf"), (b"PK\x03\x04 a deck", "document; export its pages"),
     (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing; export it as PNG")],
)  # fmt: skip
def test_what_people_take_for_pictures_is_refused_with_the_way_to_some(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "deck").write_bytes(content)
    with pytest.raises(RefusedFile, match=sentence):
        prepare_slide(tmp_path / "deck", tmp_path / "out")


@pytest.mark.parametrize("prepare", [prepare_slide, prepare_logo])
@pytest.mark.parametrize(
    ("make", "sentence"),
    [(text, "no picture that can be read"), (empty, "no picture that can be read"), (garbage, "no picture"),
     (bomb, "too large to unpack.*40 million pixels"), (lambda path: picture(path, (8000, 6000)), "8000 by 6000")],
)  # fmt: skip
def test_what_is_no_picture_is_refused_with_what_to_do(
    tmp_path: Path, prepare: Callable[[Path, Path], object], make: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(RefusedFile, match=sentence):
        prepare(make(tmp_path / "picture.png"), tmp_path / "out")


@pytest.mark.parametrize(
    ("size", "colour", "sentence"),
    [((100, 100), (9, 9, 9, 0), "transparent all over"), ((6, 6), (9, 9, 9, 255), "only 6 by 6")],
)
def test_a_logo_that_nobody_would_see_is_refused(
    tmp_path: Path, size: tuple[int, int], colour: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(RefusedFile, match=sentence):
        prepare_logo(picture(tmp_path / "logo.png", size, colour), tmp_path / "out")


def test_the_program_says_refusals_as_a_line_and_by_its_exit_status(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "agent",
        "prepare-scene-file",
        "film",
        str(text(tmp_path / "x")),
        str(tmp_path / "o"),
    ]
    done = subprocess.run([*command, "--name", "tour.mp4"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "no video that can be read" in json.loads(done.stdout)["refused"]
    assert "Traceback" not in done.stderr


# -- in a session ----------------------------------------------------------------------------------------------------------


def kept(home: Path, file: Path, name: str = "") -> SceneFile:
    """A file in a host's assets."""
    content = file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    path = AssetStore(home).path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return SceneFile(name=name or file.name, sha256=sha256)


def ref(file: SceneFile) -> AssetRef:
    return AssetRef(sha256=file.sha256, size_bytes=100, url="http://127.0.0.1:9/gone")


def here(home: Path, *files: SceneFile) -> OwnFiles:
    found = OwnFiles(AssetStore(home), [ref(file) for file in files])
    found.look()
    return found


def first(pictures: object, count: int) -> list[Timed]:
    return [each for each, _ in zip(pictures, range(count), strict=False)]  # type: ignore[call-overload]


def test_own_films_and_slides_play_and_are_called_by_their_names(tmp_path: Path) -> None:
    tour = kept(tmp_path, film(tmp_path / "x.mp4", [0, 0.1, 0.2]), "Tour.mp4")
    red = kept(tmp_path, picture(tmp_path / "red.png", colour=(250, 0, 0)))
    broken = kept(tmp_path, text(tmp_path / "b.png"), "Broken.png")
    blue = kept(tmp_path, picture(tmp_path / "blue.png", colour=(0, 0, 250)))
    files = here(tmp_path, tour, red, broken, blue)
    assert len(first(OwnFilm(tour, files).pictures(SMALL, 10, pytest.fail), 3)) == 3
    warnings: list[str] = []
    slides = OwnSlides((red, broken, blue), 5, files).pictures(SMALL, 10, warnings.append)
    shown = [each for each in first(slides, 30) if each.planes.y[18, 32] in (81, 80, 82, 41, 40, 42)]
    assert len({int(each.planes.v[9, 16]) for each in shown}) == 2
    assert warnings
    assert all("Broken.png" in sentence for sentence in warnings)


def test_a_file_that_is_lost_or_unknown_is_said_with_what_to_do(tmp_path: Path) -> None:
    gone = SceneFile(name="Tour.mp4", sha256="0" * 64)
    with pytest.raises(ProgrammeError, match=r"Tour\.mp4.*Upload it again"):
        first(OwnFilm(gone, here(tmp_path, gone)).pictures(SMALL, 10, pytest.fail), 2)
    with pytest.raises(ProgrammeError, match="is lost; upload it again"):
        first(OwnFilm(gone, here(tmp_path)).pictures(SMALL, 10, pytest.fail), 2)
    warnings: list[str] = []
    with pytest.raises(ProgrammeError, match="none of the slides"):
        first(OwnSlides((gone, gone), 5, here(tmp_path)).pictures(SMALL, 10, warnings.append), 2)
    assert len(warnings) == 2
    assert read_logo(gone, here(tmp_path), warnings.append) is None
    broken = kept(tmp_path, text(tmp_path / "logo.png"), "Logo.png")
    assert read_logo(broken, here(tmp_path, broken), warnings.append) is None
    assert "Logo.png: the logo is damaged" in warnings[-1]


class SlowStore(AssetStore):
    """Gives a file when it is told to."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.come = asyncio.Event()

    async def get(self, ref: AssetRef) -> Path:
        await self.come.wait()
        return self.path(ref.sha256)


async def test_the_tv_is_calm_until_its_film_has_come(tmp_path: Path) -> None:
    tour = kept(tmp_path, film(tmp_path / "x.mp4", [0, 0.1, 0.2]))
    store = SlowStore(tmp_path)
    files = OwnFiles(store, [ref(tour)])
    files.start()
    pictures = OwnFilm(tour, files).pictures(SMALL, 10, pytest.fail)
    calm = await asyncio.to_thread(next, pictures)
    waiting = asyncio.create_task(asyncio.to_thread(next, pictures))
    store.come.set()
    assert not np.array_equal((await waiting).planes.y, calm.planes.y)
    await files.aclose()


async def test_who_waits_for_a_film_is_let_go_when_the_session_ends(tmp_path: Path) -> None:
    tour = SceneFile(name="x.mp4", sha256="0" * 64)
    files = OwnFiles(SlowStore(tmp_path), [ref(tour)])
    files.start()
    waiting = asyncio.create_task(asyncio.to_thread(files.path, tour))
    await asyncio.sleep(0)
    await files.aclose()
    assert await asyncio.wait_for(waiting, 60) is None


@pytest.mark.parametrize("scene", SCENES)
def test_a_still_shows_the_film_and_the_logo_in_their_places(tmp_path: Path, scene: str) -> None:
    bright = kept(tmp_path, film(tmp_path / "x.mp4", [0, 1, 5], grey_step=200))
    logo = kept(tmp_path, picture(tmp_path / "logo.png", (240, 100), (255, 0, 255, 255)))
    order = {"presenter": "omar", "scene": scene}
    stills: list[NDArray[np.int16]] = []
    for own in ({}, {"tv": TvProgramme.FILM, "film": bright, "logo": logo}):
        target = tmp_path / f"{len(stills)}.jpg"
        settings = BuiltinSettings.model_validate({**order, **own})
        assert draw_scene(SceneOrder(settings=settings, width=480, height=270), target, tmp_path) == []
        stills.append(np.asarray(cv2.imread(str(target)), np.int16))
    differs = np.abs(stills[1] - stills[0]).max(axis=2) > 40
    corner = differs[: 270 // 4, :].copy()
    assert corner.any(), "the logo"
    blue, green, red = np.moveaxis(stills[1], 2, 0)
    magenta = (blue > 170) & (red > 170) & (green < 120)
    assert magenta.any(axis=1).nonzero()[0].max() < 270 / 4, "in an upper corner and nowhere else"
    assert (differs & ~magenta).mean() > 0.01, "the film"


async def test_a_session_goes_on_without_the_film_and_the_logo_that_cannot_be_had(
    start_session: Callable[..., Any],
) -> None:
    gone, lost = (SceneFile(name=name, sha256=digit * 64) for name, digit in (("Tour.mp4", "1"), ("Logo.png", "2")))
    settings = BuiltinSettings(presenter="omar", scene="lobby", tv=TvProgramme.FILM, film=gone, logo=lost)
    profile = ProfileSpec(
        code="own", version=1, name="Own", persona="", greeting=GREETING, voice="heart", provider="builtin",
        provider_settings=settings.model_dump(mode="json"),
    )  # fmt: skip
    session = await start_session(profile=profile, scene_files=[ref(gone)])
    await session.wait_for("job_ready")

    def told() -> bool:
        said = " ".join(event.sentence for event in session.events("job_notice"))
        return "Tour.mp4: the file could not be brought here" in said and "Logo.png: the file is lost" in said

    await eventually(told, "both are said")
