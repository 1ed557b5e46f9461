"""The picture that a profile asks for: presenter, scene, what plays on the TV, captions."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace
from agent.avatars.builtin.own_files import OwnFiles, OwnFilm, OwnSlides, read_logo
from agent.avatars.builtin.portrait_file import BrokenPortraitError
from agent.avatars.builtin.presenters import Presenter, load_presenter, uploaded_presenter
from agent.avatars.builtin.scene.captions import BurntCaptions, Words
from agent.avatars.builtin.scene.programme import Programme, Warn
from agent.avatars.builtin.scene.scene_file import PLAIN, load_scene
from agent.avatars.builtin.scene.screen import Screen
from agent.avatars.builtin.scene.slides import Slides
from agent.avatars.builtin.scene.stage import Stage
from agent.avatars.builtin.scene.tv import Tv
from agent.avatars.builtin.scene.video import Video
from protocol.avatar import BuiltinSettings, TvProgramme
from protocol.modes import ModeSettings

PROGRAMMES: Final = Path(__file__).parent / "programmes"


def programme_of(settings: BuiltinSettings, files: OwnFiles | None = None) -> Programme | None:
    """What the TV plays; None where it is off. The profile's own programmes come out of `files`."""
    match settings.tv:
        case TvProgramme.SLIDES:
            return Slides.in_folder(PROGRAMMES / "museum", settings.slide_s)
        case TvProgramme.HARBOUR:
            return Video(PROGRAMMES / "harbour.webm")
        case TvProgramme.FILM if files and settings.film:
            return OwnFilm(settings.film, files)
        case TvProgramme.DECK if files and settings.slides:
            return OwnSlides(tuple(settings.slides), settings.slide_s, files)
    return None


def composer_of(
    settings: BuiltinSettings,
    mode: ModeSettings,
    *,
    words: Words,
    warn: Warn,
    programme: Programme | None = None,
    files: OwnFiles | None = None,
    portrait: Callable[[], Path | None] = lambda: None,
    kept_in: Path | None = None,
) -> Callable[[], FrameComposer]:
    """What makes the composer of the picture, in the thread that will draw. `words` are burnt in where the profile says so;
    `warn` takes a sentence, from any thread; the logo comes out of `files`. `portrait` is asked then for the file of an
    uploaded face; the presenter that ships stands in where it is broken. Pictures that are made ready for this size are
    kept in the folder `kept_in`, but for those of an uploaded face. Raises `UnknownPresenterError`, `SceneError`."""
    shipped = load_presenter(settings.presenter)
    if shipped.scene is not None:
        load_scene(settings.scene or shipped.scene)  # raises here, not in the thread

    def make() -> FrameComposer:
        if (uploaded := portrait()) is not None:
            try:
                # Of a person nothing is kept: what they removed must be gone.
                return composed(uploaded_presenter(uploaded), None)
            except (BrokenPortraitError, FileNotFoundError) as error:
                warn(f"The uploaded portrait can't be shown ({error}); {settings.presenter!r} stands in.")
        return composed(shipped, kept_in)

    def composed(presenter: Presenter, face_kept_in: Path | None) -> FrameComposer:
        scene = PLAIN if presenter.scene is None else load_scene(settings.scene or presenter.scene)
        size = mode.video_width, mode.video_height
        logo = read_logo(settings.logo, files, warn) if files and settings.logo else None
        stage = Stage(scene, *size, tv_is_on=programme is not None, logo=logo, kept_in=kept_in)
        face = DrawnFace(presenter.portrait, stage.presenter_place(presenter.portrait.places), *size, face_kept_in)
        tv = None
        if programme is not None and scene.file.tv is not None and (screen := Screen(stage, scene.file.tv)).is_seen:
            tv = Tv(screen, programme, mode.tv_fps, warn)
        captions = BurntCaptions(stage, words) if settings.captions_burnt_in else None
        return FrameComposer(face, stage, tv, captions, mode.compress_method)

    return make
