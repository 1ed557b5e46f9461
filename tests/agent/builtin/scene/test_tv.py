"""What plays on the TV: at its own rate, in a loop, and never at the renderer's cost, whatever the file."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from agent.avatars.builtin.scene.programme import Programme, ProgrammeError, Timed
from agent.avatars.builtin.scene.scene_file import load_scene
from agent.avatars.builtin.scene.screen import Screen
from agent.avatars.builtin.scene.slides import Slides
from agent.avatars.builtin.scene.stage import Stage
from agent.avatars.builtin.scene.tv import Shown, Tv
from agent.avatars.builtin.scene.video import Video
from tests.agent.builtin.scene.films import film, sound_only

LIMIT_S = 30.0
CANVAS = (64, 36)


class Watched:
    """A TV whose clock the test turns."""

    def __init__(self, programme: Programme, fps: float = 10) -> None:
        stage = Stage(load_scene("studio"), 320, 180)
        assert stage.scene.file.tv is not None
        self.now_s = 100.0
        self.warnings: list[str] = []
        self.tv = Tv(Screen(stage, stage.scene.file.tv), programme, fps, self.warnings.append, clock=lambda: self.now_s)

    def first(self) -> Shown:
        return self.until(lambda shown: shown is not None)

    def until(self, good: Callable[[Shown | None], bool]) -> Shown:
        """Look at the screen until it is as wanted; the clock stands still."""
        limit = time.monotonic() + LIMIT_S
        while time.monotonic() < limit:
            shown = self.tv.shown()
            if shown is not None and good(shown):
                return shown
            time.sleep(0.005)
        raise AssertionError(f"not seen on the screen; {self.warnings}")

    def warned(self, *words: str) -> str:
        limit = time.monotonic() + LIMIT_S
        while not self.warnings and time.monotonic() < limit:
            time.sleep(0.005)
        assert all(word in self.warnings[0] for word in words), self.warnings
        return self.warnings[0]


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    opened: list[Watched] = []

    def start(programme: Programme, fps: float = 10) -> Watched:
        opened.append(Watched(programme, fps))
        return opened[-1]

    yield start
    for each in opened:
        each.tv.close()


Watch = Callable[..., Watched]


def taken(programme: Programme, count: int, fps: float = 10) -> list[Timed]:
    """The first pictures of a programme."""
    pictures = programme.pictures(CANVAS, fps, pytest.fail)
    return [picture for picture, _ in zip(pictures, range(count), strict=False)]


def test_a_video_plays_at_the_rate_of_the_tv(tmp_path: Path) -> None:
    path = film(tmp_path / "smooth.mp4", [number / 30 for number in range(30)], grey_step=7)
    times = [picture.at_s for picture in taken(Video(path), 10, fps=10)]
    assert np.diff(times) == pytest.approx([0.1] * 9, abs=0.035)
    assert times[-1] == pytest.approx(0.9, abs=0.05)


def test_a_video_of_variable_rate_keeps_its_own_times(tmp_path: Path) -> None:
    moments = [0, 0.1, 0.2, 1.0, 1.1, 3.0]
    path = film(tmp_path / "phone.mp4", moments)
    assert [picture.at_s for picture in taken(Video(path), 6)] == pytest.approx(moments, abs=0.01)


def test_a_video_loops_without_a_gap_and_never_goes_back_in_time(tmp_path: Path) -> None:
    path = film(tmp_path / "loop.mp4", [number / 10 for number in range(5)])
    pictures = taken(Video(path), 14)
    times = [picture.at_s for picture in pictures]
    assert np.diff(times).min() > 0.05
    assert np.diff(times).max() < 0.15
    assert np.array_equal(pictures[0].planes.y, pictures[5].planes.y)


def test_the_screen_changes_when_the_next_picture_is_due(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Video(film(tmp_path / "a.mp4", [number / 10 for number in range(20)], grey_step=10)))
    first = watched.first()
    assert watched.tv.shown() is first
    watched.now_s += 0.1
    second = watched.until(lambda shown: shown is not None and shown.number == first.number + 1)
    assert second.below.y.mean() > first.below.y.mean()
    assert watched.tv.lively_fps() == 10


def test_a_late_tv_goes_on_from_where_it_is(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Video(film(tmp_path / "a.mp4", [number / 10 for number in range(20)])))
    first = watched.first()
    watched.now_s += 60
    assert watched.until(lambda shown: shown is not None and shown.number > first.number).number == first.number + 1


def test_an_hour_is_not_read_ahead(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Video(film(tmp_path / "hour.mp4", [float(number) for number in range(3600)])))
    watched.first()
    assert watched.tv._count <= 10
    assert watched.warnings == []


@pytest.mark.parametrize("spoilt", ["empty", "text", "cut", "sound"])
def test_a_file_that_is_no_video_leaves_a_calm_picture_and_a_sentence(
    spoilt: str, tmp_path: Path, watch: Watch
) -> None:
    path = tmp_path / "welcome.mp4"
    film(path, [0, 0.1, 0.2])
    if spoilt == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif spoilt == "sound":
        sound_only(path)
    else:
        path.write_bytes(b"" if spoilt == "empty" else b"#EXTM3U\n/etc/passwd\n" * 20)
    watched = watch(Video(path))
    assert watched.first().below.y.std() > 5
    watched.warned("welcome.mp4", "choose a video" if spoilt == "sound" else "export it as MP4 or WebM")
    watched.tv._thread.join(LIMIT_S)
    assert watched.tv.lively_fps() is None


def test_a_file_that_is_gone_leaves_a_calm_picture_and_a_sentence(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Video(tmp_path / "gone.mp4"))
    watched.first()
    watched.warned("gone.mp4", "no such file")


def test_a_video_that_is_too_large_shows_its_first_picture(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Video(film(tmp_path / "4k.mp4", [0, 0.1], 3840, 2160)))
    watched.first()
    watched.warned("4k.mp4", "3840 by 2160", "export it smaller")


def test_a_damaged_video_plays_what_is_whole(tmp_path: Path) -> None:
    path = film(tmp_path / "scratched.avi", [number / 25 for number in range(100)], 320, 180, grey_step=7)
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + 2000] = bytes(2000)
    path.write_bytes(content)
    pictures = Video(path).pictures(CANVAS, 25, lambda sentence: None)
    times = [picture.at_s for picture, _ in zip(pictures, range(60), strict=False)]
    assert len(times) == 60
    assert np.diff(times).min() > 0


def test_a_video_of_one_picture_stands_still(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Video(film(tmp_path / "still.mp4", [0.0])))
    first = watched.first()
    watched.now_s += 60
    assert watched.tv.shown() is first
    watched.tv._thread.join(LIMIT_S)
    assert watched.tv.lively_fps() is None
    assert watched.warnings == []


def test_a_playlist_does_not_open_other_files(tmp_path: Path) -> None:
    secret = film(tmp_path / "secret.ts", [number / 10 for number in range(5)])
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(ProgrammeError, match=r"list\.m3u8"):
        next(Video(playlist).pictures(CANVAS, 10, pytest.fail))


class Failing:
    """A programme that fails as nobody foresaw."""

    def pictures(self, *_: object) -> Iterator[Timed]:
        raise MemoryError("no room")


def test_a_surprise_leaves_a_calm_picture_and_a_sentence(watch: Watch) -> None:
    watched = watch(Failing())
    watched.first()
    watched.warned("no room", "choose another")


# -- slides -----------------------------------------------------------------------------------------------------------


def slide(path: Path, grey: int, size: tuple[int, int] = (64, 36)) -> Path:
    Image.new("RGB", size, (grey, grey, grey)).save(path)
    return path


def test_slides_follow_each_other_with_a_fade_and_begin_again(tmp_path: Path) -> None:
    paths = tuple(slide(tmp_path / f"{grey}.png", grey) for grey in (40, 200))
    pictures = taken(Slides(paths, 5.0), 13, fps=10)
    greys = [picture.planes.y.mean() for picture in pictures]
    assert greys[:7] == sorted(greys[:7])
    assert greys[6] > 150
    assert greys[12] == pytest.approx(greys[0], abs=1)
    assert pictures[1].at_s == pytest.approx(5.1)
    assert pictures[12].at_s == pytest.approx(2 * 5.6)


def test_bad_slides_are_left_out_with_a_sentence_each(tmp_path: Path) -> None:
    good = slide(tmp_path / "good.png", 90)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    huge = tmp_path / "huge.png"
    Image.new("1", (6000, 6000)).save(huge)
    warnings: list[str] = []
    pictures = Slides((tmp_path / "broken.jpg", good, huge), 5.0).pictures(CANVAS, 10, warnings.append)
    assert len(list(pictures)) == 1
    assert ["broken.jpg" in warnings[0], "huge.png" in warnings[1], "too large" in warnings[1]] == [True] * 3


def test_a_large_photograph_is_read_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8)
    Image.fromarray(cv2.resize(noise, (7200, 4800))).save(tmp_path / "photo.jpg", quality=40)
    assert taken(Slides((tmp_path / "photo.jpg",), 5.0), 1)[0].planes.y.shape == (36, 64)


def test_no_slides_at_all_leave_a_calm_picture_and_a_sentence(tmp_path: Path, watch: Watch) -> None:
    watched = watch(Slides.in_folder(tmp_path, 5.0))
    watched.first()
    watched.warned("no picture among the slides")


def test_an_upright_picture_stands_in_the_middle_on_black(tmp_path: Path) -> None:
    picture = taken(Slides((slide(tmp_path / "tall.png", 200, (30, 60)),), 5.0), 1)[0].planes.y
    assert picture[18, 32] > 150
    assert picture[18, 5] == 16
    assert picture[18, 59] == 16
