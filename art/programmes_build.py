"""Draws what the TVs show by themselves: `python -m art.programmes_build` writes the demo museum's slides, a clip of the
harbour that loops, and the still picture for a programme that cannot be played.
"""

import math
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parent.parent
TARGET: Final = ROOT / "agent/avatars/builtin/programmes"
FONT: Final = ROOT / "agent/avatars/builtin/scene/fonts/captions.ttf"
SLIDE: Final = (1024, 576)
CLIP: Final = (640, 360)
CLIP_FPS: Final = 15
CLIP_S: Final = 12

DEFS: Final = """<defs>
<linearGradient id="dusk" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#24425a"/><stop offset=".45" stop-color="#8a8f92"/><stop offset=".72" stop-color="#e7b584"/><stop offset="1" stop-color="#f3d3a0"/></linearGradient>
<linearGradient id="sea" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#c79a77"/><stop offset=".2" stop-color="#4d6f7b"/><stop offset="1" stop-color="#16303c"/></linearGradient>
<linearGradient id="night" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#0c1a2b"/><stop offset="1" stop-color="#2c4a5e"/></linearGradient>
<linearGradient id="beam" x1="0" y1="0" x2="1" y2="0"><stop offset="0" stop-color="#ffe9b8" stop-opacity=".85"/><stop offset="1" stop-color="#ffe9b8" stop-opacity="0"/></linearGradient>
<linearGradient id="deep" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#3f8f97"/><stop offset="1" stop-color="#0b2a3a"/></linearGradient>
<linearGradient id="sail" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#fff6e3"/><stop offset="1" stop-color="#cdb791"/></linearGradient>
<linearGradient id="hull" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#7c5233"/><stop offset="1" stop-color="#2f1c12"/></linearGradient>
<radialGradient id="pearl" cx=".36" cy=".3" r=".75"><stop offset="0" stop-color="#ffffff"/><stop offset=".35" stop-color="#f3e7e2"/><stop offset=".75" stop-color="#c3b3b8"/><stop offset="1" stop-color="#7d7684"/></radialGradient>
<radialGradient id="sun" cx=".5" cy=".5" r=".5"><stop offset="0" stop-color="#fff7dc"/><stop offset=".35" stop-color="#ffe6ad"/><stop offset="1" stop-color="#ffdf9f" stop-opacity="0"/></radialGradient>
<linearGradient id="veil" x1="0" y1="0" x2="1" y2="0"><stop offset="0" stop-color="#0d1a22" stop-opacity=".82"/><stop offset=".62" stop-color="#0d1a22" stop-opacity=".38"/><stop offset="1" stop-color="#0d1a22" stop-opacity="0"/></linearGradient>
<linearGradient id="calm" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#31505c"/><stop offset=".62" stop-color="#7f948f"/><stop offset="1" stop-color="#c9b893"/></linearGradient>
</defs>"""
DHOW: Final = """<path d="M-112 0Q-52 34 66 20L118-18 104 38Q0 66-92 38Z" fill="url(#hull)"/><path d="M-112 0Q-52 34 66 20L118-18" fill="none" stroke="#d9b577" stroke-width="5"/><path d="M-6 20V-196" stroke="#3a2517" stroke-width="9"/><path d="M-104-40L86-232" stroke="#3a2517" stroke-width="7"/><path d="M-98-40Q22-70 84-226Q108-96 72-2Q-18 6-98-40Z" fill="url(#sail)"/><path d="M-40-46Q40-86 82-180" fill="none" stroke="#b39a70" stroke-width="2" opacity=".6"/>"""


def waves(y: float, phase: float, colour: str, opacity: float, height: float = 7, length: float = 128) -> str:
    """A line of waves over the whole width of 1024, filled to the bottom."""
    points = []
    for step in range(-1, 65):
        x = step * 16
        points.append(f"{x:.1f} {y + height * math.sin(2 * math.pi * x / length + phase):.1f}")
    return f'<path d="M{" L".join(points)} L1040 600 L-16 600Z" fill="{colour}" opacity="{opacity}"/>'


def words(title: str, line: str, arabic: str) -> str:
    return (
        '<rect width="1024" height="576" fill="url(#veil)"/>'
        f'<rect x="64" y="150" width="84" height="7" fill="#e0b974"/>'
        f'<text x="62" y="246" font-family="Avatary Captions" font-size="84" fill="#fff8ea">{title}</text>'
        f'<text x="64" y="318" font-family="Avatary Captions" font-size="45" fill="#f0e2c8">{line}</text>'
        f'<text x="64" y="410" font-family="Avatary Captions" font-size="56" fill="#f0d6a0">{arabic}</text>'
    )


def harbour(phase: float = 0.0, dhow: str = "") -> str:
    return (
        '<rect width="1024" height="576" fill="url(#dusk)"/><circle cx="700" cy="318" r="150" fill="url(#sun)"/>'
        '<circle cx="700" cy="318" r="46" fill="#fff6dc"/>'
        '<path d="M0 352L60 340 96 346 128 318 150 318 150 300 166 300 166 322 240 336 300 332 380 350 1024 352V380H0Z" fill="#5b6b74" opacity=".55"/>'
        '<rect y="350" width="1024" height="226" fill="url(#sea)"/>'
        '<path d="M640 352H760L800 576H590Z" fill="#ffe6ae" opacity=".22"/>'
        + waves(392, phase, "#3f6472", 0.45, 5, 128)
        + dhow
        + waves(446, -2 * phase, "#2b4c5a", 0.6, 7, 204.8)
        + waves(508, 2 * phase + 1, "#17323f", 0.85, 9, 256)
    )


def slides() -> dict[str, str]:
    ship = f'<g transform="translate(770 392) scale(1.06)">{DHOW}</g>'
    bubbles = "".join(
        f'<circle cx="{560 + 37 * i % 390}" cy="{500 - 61 * i % 430}" r="{4 + i % 5 * 2}" fill="#dff6f2" opacity=".28"/>'
        for i in range(14)
    )
    pearl = (
        '<rect width="1024" height="576" fill="url(#deep)"/><path d="M620 0L900 0 1010 576 560 576Z" fill="#d8fff4" opacity=".1"/>'
        f'{bubbles}<ellipse cx="790" cy="462" rx="210" ry="62" fill="#12313c" opacity=".7"/>'
        '<path d="M590 440Q790 590 990 440Q980 520 790 536Q600 520 590 440Z" fill="#c9ad95"/><path d="M590 440Q790 540 990 440Q790 480 590 440Z" fill="#f5e6da"/>'
        '<circle cx="790" cy="352" r="112" fill="url(#pearl)"/><ellipse cx="752" cy="312" rx="34" ry="24" fill="#fff" opacity=".75"/>'
    )
    stars = "".join(
        f'<circle cx="{i * i * 37 % 1021}" cy="{i * i * i * 11 % 307}" r="{1.4 + i % 3 * 0.6}" fill="#fff4d6" opacity=".8"/>'
        for i in range(46)
    )
    tower = (
        f'<rect width="1024" height="576" fill="url(#night)"/>{stars}'
        '<path d="M812 166L1024 96V236Z" fill="url(#beam)"/><path d="M770 200L744 500H872L846 200Z" fill="#efe4d0"/>'
        '<path d="M764 268L758 330H862L854 268ZM752 400L746 466H872L864 400Z" fill="#a9523f"/><rect x="760" y="186" width="96" height="16" fill="#3b3129"/>'
        '<rect x="776" y="140" width="64" height="48" fill="#ffedb8"/><path d="M768 140L808 100 848 140Z" fill="#8a3f31"/>'
        '<path d="M600 576Q700 470 810 488Q930 470 1024 540V576Z" fill="#15242d"/>' + waves(548, 1.2, "#0f2a38", 0.9)
    )
    market = (
        '<rect width="1024" height="576" fill="#c99b6b"/><path d="M560 576V250Q660 120 760 250V576ZM790 576V250Q890 120 990 250V576Z" fill="#5b3a25"/>'
        '<path d="M560 576V250Q660 120 760 250V576M790 576V250Q890 120 990 250V576" fill="none" stroke="#e9cb97" stroke-width="10"/>'
        '<rect x="575" y="430" width="170" height="146" fill="#8a5a36"/><rect x="805" y="430" width="170" height="146" fill="#8a5a36"/>'
        '<circle cx="612" cy="418" r="34" fill="#d8703a"/><circle cx="668" cy="414" r="38" fill="#e2b13d"/><circle cx="720" cy="420" r="30" fill="#a93f2f"/>'
        '<path d="M826 430V330h46v100ZM884 430V300h38v130ZM932 430V350h34v80Z" fill="#3f7f83"/><path d="M560 210L1000 210 980 262H580Z" fill="#a1432f"/>'
        '<path d="M620 210L612 262H672L668 210ZM716 210L716 262H770L764 210ZM812 210L820 262H876L862 210ZM910 210L928 262H976L958 210Z" fill="#f0dfc0"/>'
    )
    return {
        "1-welcome": harbour(0.4, ship) + words("Old Harbour", "Museum", "متحف الميناء القديم"),
        "2-dhow": harbour(2.2, f'<g transform="translate(822 430) scale(1.2)">{DHOW}</g>')
        + words("The dhow Najma", "Hall of Ships, ground floor", "سفينة نجمة"),
        "3-pearl": pearl + words("Harbour Moon", "Our great pearl, first floor", "لؤلؤة قمر الميناء"),
        "4-market": market + words("Old market", "Second floor", "السوق القديم"),
        "5-hours": tower + words("Open until 6", "Thursdays until 9", "من العاشرة إلى السادسة"),
    }


def main() -> None:
    folder = TARGET / "museum"
    folder.mkdir(parents=True, exist_ok=True)
    for name, inner in slides().items():
        cv2.imwrite(str(folder / f"{name}.jpg"), drawn(inner, *SLIDE), (cv2.IMWRITE_JPEG_QUALITY, 86))
    still = (
        '<rect width="1024" height="576" fill="url(#calm)"/><circle cx="512" cy="330" r="190" fill="url(#sun)" opacity=".5"/>'
        '<path d="M0 380Q260 300 540 372T1024 350V576H0Z" fill="#a88d68" opacity=".75"/><path d="M0 450Q330 370 620 440T1024 430V576H0Z" fill="#6d5c48" opacity=".8"/>'
    )
    cv2.imwrite(str(TARGET / "still.jpg"), drawn(still, *SLIDE), (cv2.IMWRITE_JPEG_QUALITY, 86))
    clip(TARGET / "harbour.webm")


def drawn(inner: str, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3), blue, green, red."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1024 576">{DEFS}{inner}</svg>'
    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=width, height=height, font_files=[str(FONT)], skip_system_fonts=True
    )
    picture = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("the picture could not be drawn")
    return np.asarray(picture, np.uint8)


def clip(path: Path) -> None:
    """A dhow that crosses the harbour; the last picture is followed by the first."""
    count = CLIP_FPS * CLIP_S
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=CLIP_FPS)
        stream.width, stream.height, stream.pix_fmt = *CLIP, "yuv420p"
        stream.options = {"crf": "34", "b": "0", "cpu-used": "2", "row-mt": "0"}
        for number in range(count):
            share = number / count
            phase = 2 * math.pi * share * 3
            x, y = -170 + 1364 * share, 404 + 4 * math.sin(2 * math.pi * share * 5)
            tilt = 2.2 * math.sin(2 * math.pi * share * 4)
            dhow = f'<g transform="translate({x:.1f} {y:.1f}) rotate({tilt:.2f}) scale(.82)">{DHOW}</g>'
            frame = av.VideoFrame.from_ndarray(drawn(harbour(phase, dhow), *CLIP), "bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
