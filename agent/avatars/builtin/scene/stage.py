"""A scene in the size of the frame, all that stands still put together once: figures are laid between back and front.

A frame is back, TV, presenter, front, and then the light added to all of them. In I420 the light's luma only adds; its
chroma has a sign, so it is kept as two planes of which one adds and one takes away.
"""

from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.baked import Baked, baked, key_of
from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect, planes_from_bgr
from agent.avatars.builtin.portrait_file import Places
from agent.avatars.builtin.presenters import Placement, place
from agent.avatars.builtin.scene.scene_file import HEIGHT, WIDTH, Scene, SceneError

_FAINTEST_LIGHT: Final = 2  # of 255: below it is what JPEG leaves of black

Picture = NDArray[np.uint8]


class Overlay(NamedTuple):
    """What is laid over a frame: premultiplied colour (chroma with its offset), and how much of what is below shows."""

    planes: Planes
    through: Plane
    through_chroma: Plane
    rect: Rect

    @classmethod
    def of(cls, picture: Picture, rect: Rect) -> "Overlay":
        """A picture (height, width, 4) of the size of `rect`: blue, green, red, opacity."""
        opacity = np.ascontiguousarray(picture[..., 3])
        half = np.asarray(
            cv2.resize(opacity, (rect.width // 2, rect.height // 2), interpolation=cv2.INTER_AREA), np.uint8
        )
        colour = planes_from_bgr(np.ascontiguousarray(picture[..., :3]))
        return cls(
            Planes(_times(colour.y, opacity), _times(colour.u, half), _times(colour.v, half)),
            np.asarray(cv2.bitwise_not(opacity), np.uint8),
            np.asarray(cv2.bitwise_not(half), np.uint8),
            rect,
        )

    def lie_over(self, frame: Planes) -> None:
        """Change a whole frame."""
        below = frame.crop(self.rect)
        for target, colour, through in zip(
            below, self.planes, (self.through, self.through_chroma, self.through_chroma), strict=True
        ):
            cv2.add(_times(target, through), colour, dst=target)


class _Light(NamedTuple):
    """What is added to a frame, and what is taken away from its chroma."""

    plus: Planes
    minus_u: Plane
    minus_v: Plane

    def on(self, planes: Planes, rect: Rect) -> None:
        """Brighten `planes`, which are of the region `rect`."""
        half = rect.half()
        plus = self.plus.crop(rect)
        cv2.add(planes.y, plus.y, dst=planes.y)
        for plane, more, less in ((planes.u, plus.u, self.minus_u), (planes.v, plus.v, self.minus_v)):
            cv2.add(plane, more, dst=plane)
            cv2.subtract(plane, half.of(less), dst=plane)


class Stage:
    """One scene, for frames of one size. `place` says where the scene's pixels are in the frame."""

    def __init__(
        self,
        scene: Scene,
        width: int,
        height: int,
        *,
        tv_is_on: bool = False,
        logo: Picture | None = None,
        kept_in: Path | None = None,
    ) -> None:
        """Reads the pictures; what they are in this size is kept in the folder `kept_in`. `logo` is (height, width, 4).
        Raises `SceneError` for a picture that is broken."""
        self.scene, self.width, self.height = scene, width, height
        self.place = scene_place(scene, width, height)
        self._logo = None if logo is None else self._logo_overlay(logo)
        pictures = [scene.back, scene.front, scene.light, scene.tv_light if tv_is_on else None]
        key = key_of(__file__, *pictures, scene.file, width, height)
        kept = baked(kept_in, key, lambda: self._baked(scene, tv_is_on))
        arrays = iter(kept.arrays)
        self.below = Planes(*islice(arrays, 3))  # back without light; where the TV shows something, see `Screen`
        has_light, *rect = kept.numbers
        self._light = _Light(Planes(*islice(arrays, 3)), next(arrays), next(arrays)) if has_light else None
        self._front = Overlay(Planes(*islice(arrays, 3)), next(arrays), next(arrays), Rect(*rect)) if rect else None
        self.empty = Planes(*(plane.copy() for plane in self.below))
        self._finish(self.empty, Rect(0, 0, width, height))

    def presenter_place(self, places: Places) -> Placement:
        """Where the canvas of a presenter is in the frame."""
        if self.scene.back is None:  # the portrait is all that there is
            return place(places, self.width, self.height)
        stand, scale = self.scene.file.presenter, self.place.scale
        whole = stand.scale * scale * HEIGHT / places.height
        across, down = self.place.x(stand.x), self.place.y(stand.y)
        return Placement(whole, places.width / 2 - across / whole, places.height - down / whole)

    def lay(self, cutout: Cutout, below: Planes | None = None) -> Planes:
        """The finished region `cutout.rect` with a figure in it; `below`, of that region, stands in for the still back."""
        rect = cutout.rect
        if cutout.opaque:
            laid = Planes(cutout.luma.copy(), cutout.chroma[0].copy(), cutout.chroma[1].copy())
        else:
            back = self.below.crop(rect) if below is None else below
            y, mask = cv2.extractChannel(cutout.luma, 0), cv2.extractChannel(cutout.luma, 1)
            u, v, small, _ = cv2.split(cutout.chroma[0])
            through, small_through = cv2.bitwise_not(mask), cv2.bitwise_not(small)
            laid = Planes(
                _plus(y, _times(back.y, through)),
                _plus(u, _times(back.u, small_through)),
                _plus(v, _times(back.v, small_through)),
            )
        self._finish(laid, rect)
        return laid

    def finished(self, below: Planes, rect: Rect) -> Planes:
        """A region with nobody in it, where something else than the still back is `below`."""
        done = Planes(*(plane.copy() for plane in below))
        self._finish(done, rect)
        return done

    def _finish(self, planes: Planes, rect: Rect) -> None:
        """Front, light and logo over a region, in place."""
        if self._front is not None:
            _over(planes, rect, self._front)
        if self._light is not None:
            self._light.on(planes, rect)
        if self._logo is not None:
            _over(planes, rect, self._logo)

    def _baked(self, scene: Scene, tv_is_on: bool) -> Baked:
        """Back, light and front in the size of the frame, and whether there is light, and where the front is."""
        back = np.zeros((self.height, self.width, 3), np.uint8) if scene.back is None else self._read(scene.back)
        light, front = self._all_light(scene, tv_is_on), self._front_overlay(scene)
        return Baked(
            (
                *planes_from_bgr(back),
                *((*light.plus, light.minus_u, light.minus_v) if light else ()),
                *((*front.planes, front.through, front.through_chroma) if front else ()),
            ),
            (int(light is not None), *(front.rect if front else ())),
        )

    def _read(self, path: Path) -> Picture:
        """A picture of the whole scene, in the size of the frame."""
        # A JPEG decodes at half size in a third of the time; take it where the frame needs no more.
        shrink = 2 if self.place.scale <= 0.5 else 1
        picture = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_2 if shrink == 2 else cv2.IMREAD_COLOR)
        if picture is None:
            raise SceneError(f"{path}: the picture is broken; export it again")
        if picture.shape[:2] != (HEIGHT // shrink, WIDTH // shrink):
            raise SceneError(f"{path}: the picture is not {WIDTH} by {HEIGHT} pixels; export it in that size")
        return self._fitted(np.asarray(picture, np.uint8), shrink)

    def _fitted(self, picture: Picture, shrink: int) -> Picture:
        place = self.place
        left, top = round(place.left / shrink), round(place.top / shrink)
        right = left + round(self.width / place.scale / shrink)
        bottom = top + round(self.height / place.scale / shrink)
        shown = picture[top:bottom, left:right]
        if shown.shape[:2] == (self.height, self.width):
            return shown
        how = cv2.INTER_AREA if shown.shape[0] >= self.height else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(shown, (self.width, self.height), interpolation=how), dtype=np.uint8)

    def _front_overlay(self, scene: Scene) -> Overlay | None:
        if scene.front is None:
            return None
        picture = cv2.imread(str(scene.front), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise SceneError(f"{scene.front}: the picture is broken; export it again")
        if picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
            raise SceneError(f"{scene.front}: the front has no opacity; export it as PNG or WebP with an alpha channel")
        corner = scene.file.front_corner
        height, width = picture.shape[:2]
        if corner.left + width > WIDTH or corner.top + height > HEIGHT:
            raise SceneError(
                f"{scene.front}: the picture reaches out of the scene from front_corner "
                f"({corner.left}, {corner.top}); cut it or move the corner"
            )
        place = self.place
        return self._overlay(
            np.asarray(picture, np.uint8),
            place.x(corner.left),
            place.y(corner.top),
            width * place.scale,
            height * place.scale,
        )

    def _logo_overlay(self, logo: Picture) -> Overlay | None:
        """The logo as large as fits in its box, in the box's upper left."""
        box, place = self.scene.file.logo, self.place
        scale = min(box.width / logo.shape[1], box.height / logo.shape[0]) * place.scale
        # Where the frame is narrower than the scene, the box comes in with its edge.
        left, top = place.scale * box.left, place.scale * box.top
        return self._overlay(logo, left, top, logo.shape[1] * scale, logo.shape[0] * scale)

    def _overlay(self, picture: Picture, left: float, top: float, width: float, height: float) -> Overlay | None:
        """A picture with opacity at a place of the frame, cut at its edges; nothing where it is outside."""
        size = max(round(width / 2) * 2, 2), max(round(height / 2) * 2, 2)
        if (picture.shape[1], picture.shape[0]) != size:
            # Colour is premultiplied while it is scaled, so that no other colour comes in at the edge.
            scaled = picture.astype(np.float32)
            scaled[..., :3] *= scaled[..., 3:] / 255
            scaled = np.asarray(cv2.resize(scaled, size, interpolation=cv2.INTER_AREA), np.float32)
            scaled[..., :3] /= np.maximum(scaled[..., 3:], 1) / 255
            picture = np.clip(scaled + 0.5, 0, 255).astype(np.uint8)
        x, y = round(left / 2) * 2, round(top / 2) * 2
        whole = Rect(x, y, x + size[0], y + size[1])
        rect = whole.common(Rect(0, 0, self.width, self.height))
        if rect is None:
            return None
        inside = rect.inside(whole)
        return Overlay.of(picture[inside.top : inside.bottom, inside.left : inside.right], rect)

    def _all_light(self, scene: Scene, tv_is_on: bool) -> _Light | None:
        pictures = [path for path in (scene.light, scene.tv_light if tv_is_on else None) if path is not None]
        if not pictures:
            return None
        light = self._read(pictures[0])
        for path in pictures[1:]:
            light = np.asarray(cv2.add(light, self._read(path)), np.uint8)
        light = np.asarray(cv2.threshold(light, _FAINTEST_LIGHT, 0, cv2.THRESH_TOZERO)[1], np.uint8)
        y, u, v = planes_from_bgr(light)
        return _Light(
            Planes(_minus(y, 16), _minus(u, 128), _minus(v, 128)),
            np.asarray(cv2.subtract(np.full_like(u, 128), u), np.uint8),
            np.asarray(cv2.subtract(np.full_like(v, 128), v), np.uint8),
        )


def scene_place(scene: Scene, width: int, height: int) -> Placement:
    """Fill a frame of `width` x `height` with the scene, the presenter in the middle, cutting what does not fit."""
    scale = max(width / WIDTH, height / HEIGHT)
    shown_width, shown_height = width / scale, height / scale
    left = min(max(scene.file.presenter.x - shown_width / 2, 0), WIDTH - shown_width)
    return Placement(scale, left, (HEIGHT - shown_height) / 2)


def _over(planes: Planes, rect: Rect, overlay: Overlay) -> None:
    """Lay what of `overlay` falls into `rect` over `planes`, which are of that region."""
    shared = rect.common(overlay.rect)
    if shared is None:
        return
    inside = shared.inside(overlay.rect)
    half = inside.half()
    cut = Overlay(
        overlay.planes.crop(inside),
        inside.of(overlay.through),
        half.of(overlay.through_chroma),
        shared.inside(rect),
    )
    cut.lie_over(planes)


def _times(plane: cv2.typing.MatLike, mask: cv2.typing.MatLike) -> Plane:
    return np.asarray(cv2.multiply(plane, mask, scale=1 / 255), dtype=np.uint8)


def _plus(plane: cv2.typing.MatLike, other: cv2.typing.MatLike) -> Plane:
    return np.asarray(cv2.add(plane, other), dtype=np.uint8)


def _minus(plane: Plane, by: int) -> Plane:
    return np.asarray(cv2.subtract(plane, np.full_like(plane, by)), np.uint8)
