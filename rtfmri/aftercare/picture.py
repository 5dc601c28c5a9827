"""The operator's picture of one volume: realigned EPI slices, the regions' outlines, the t-map over them. Pure: arrays in, PNG bytes out.

The EPI's window is the reference's and stays for the run, so that nothing flickers. t between -``T_SHOWN`` and ``T_SHOWN`` is not
coloured; beyond, orange to yellow is more and blue to cyan is less during regulation (told apart without telling red from green). The
colours end at ``T_MOST``. The threshold, the side (radiological, R and L at the first slice) and the height of each slice in mm stand in
the picture.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from rtfmri.aftercare.layout import Layout, Table, lay_out_slices
from rtfmri.volume import Array, Grid, Image

Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
Number = TypeVar("Number", np.float32, np.uint8)

T_SHOWN, T_MOST = 3.1, 10.0  # 3.1: p < .001 in one voxel, one-sided, not corrected for the number of voxels
THRESHOLD = f"coloured where |t| > {T_SHOWN:g} (p < .001, uncorrected)"
HEAD_PX, FOOT_PX, BAR_PX = 34, 30, 84
TEXT_PX, SMALL_PX = 15, 12
GROUND, TEXT, FAINT = (16, 16, 18), (235, 235, 235), (150, 150, 155)
MORE = ((213, 94, 0), (255, 240, 120))  # from T_SHOWN to T_MOST
LESS = ((0, 90, 200), (130, 240, 255))
OUTLINES = ((0, 220, 140), (240, 120, 220), (255, 255, 255), (170, 140, 255))  # of the regions, in their order
STEPS = 256


class Place(Protocol):
    """Voxels side by side: their numbers (H, W), -1 where there is none, and how large they are shown (width, height)."""

    @property
    def table(self) -> Table: ...

    @property
    def size_px(self) -> tuple[int, int]: ...


@dataclass(frozen=True, eq=False)
class Canvas:
    """All that stays the same from picture to picture. ``outlines`` (H, W): 0, or 1 + the region's number."""

    layout: Layout
    window: tuple[float, float]
    outlines: npt.NDArray[np.uint8]
    names: tuple[str, ...]
    colours: Pixels  # (2 * STEPS, 3), from -T_MOST to T_MOST
    frame: Pillow.Image  # ground, colour bar, legend, labels' places


def prepare_canvas(grid: Grid, reference: Image, mask: Mask, rois: dict[str, npt.NDArray[np.intp]]) -> Canvas:
    """The canvas of a run: ``reference`` and ``mask`` (X, Y, Z) on ``grid``, ``rois`` as voxel indices (N, 3)."""
    layout = lay_out_slices(grid, mask, rois)
    shown = reference[mask] if mask.any() else reference
    window = 0.0, float(np.percentile(shown, 99.5)) or 1.0
    colours = np.concatenate((_ramp(LESS)[::-1], _ramp(MORE)))
    return Canvas(layout, window, outlines_of(layout, grid, rois), tuple(rois), colours, _frame(layout, tuple(rois), colours))


def draw(canvas: Canvas, epi: Image, t: Image | None, caption: str) -> bytes:
    """A PNG of ``epi`` (X, Y, Z) with ``t`` (X, Y, Z; None: no map yet) and one line of words above."""
    layout = canvas.layout
    picture = canvas.frame.copy()
    picture.paste(paint(layout, canvas.outlines, canvas.colours, greys(epi, canvas.window), t), (0, HEAD_PX))
    brush = ImageDraw.Draw(picture)
    brush.text((10, 9), caption, fill=TEXT, font=ImageFont.load_default(TEXT_PX))
    _label_slices(layout, brush)
    return as_png(picture)


def greys(epi: Image, window: tuple[float, float]) -> Pixels:
    """The volume as it is shown, 0 ... 255."""
    return (np.clip(epi / window[1], 0.0, 1.0) * 255.0).astype(np.uint8)


def paint(place: Place, outlines: npt.NDArray[np.uint8], colours: Pixels, grey: Pixels, t: Image | None) -> Pillow.Image:
    """The voxels of ``place``: grey, what ``t`` colours, the regions' outlines."""
    slices = np.asarray(Pillow.fromarray(_shown(place, grey)).resize(place.size_px, Pillow.Resampling.BICUBIC))
    pixels = np.repeat(slices[:, :, None], 3, axis=2)
    if t is not None:
        smooth = np.asarray(Pillow.fromarray(_shown(place, t)).resize(place.size_px, Pillow.Resampling.BILINEAR))
        strong = np.abs(smooth) > T_SHOWN
        pixels[strong] = colours[_step(smooth[strong])]
    for number in np.unique(outlines[outlines > 0]):
        pixels[outlines == number] = OUTLINES[(number - 1) % len(OUTLINES)]
    return Pillow.fromarray(pixels)


def as_png(picture: Pillow.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _shown(place: Place, image: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """``image`` (X, Y, Z) at the table's voxels; 0 where there is none."""
    values: npt.NDArray[Number] = image.reshape(-1)[place.table]
    values[place.table < 0] = 0
    return values


def _step(t: Image) -> npt.NDArray[np.intp]:
    """Which of the canvas's colours ``t`` has."""
    size = np.clip((np.abs(t) - T_SHOWN) / (T_MOST - T_SHOWN), 0.0, 1.0) * (STEPS - 1)
    return np.where(t > 0, STEPS + size, STEPS - 1 - size).astype(np.intp)


def _ramp(ends: tuple[tuple[int, int, int], tuple[int, int, int]]) -> Pixels:
    share: Array = np.linspace(0.0, 1.0, STEPS)[:, None]
    return np.round((1.0 - share) * np.array(ends[0]) + share * np.array(ends[1])).astype(np.uint8)


def outlines_of(place: Place, grid: Grid, rois: dict[str, npt.NDArray[np.intp]]) -> npt.NDArray[np.uint8]:
    """Two pixels wide, along the voxels' own edges."""
    outlines = np.zeros(place.size_px[::-1], dtype=np.uint8)
    for number, voxels in enumerate(rois.values()):
        inside = np.zeros(grid.shape, dtype=np.uint8)
        inside[tuple(voxels.T)] = 1
        large = np.asarray(Pillow.fromarray(_shown(place, inside)).resize(place.size_px, Pillow.Resampling.NEAREST)) > 0
        around = np.pad(large, 2)
        kept = large.copy()
        for dy, dx in ((0, 2), (4, 2), (2, 0), (2, 4)):
            kept &= around[dy : dy + large.shape[0], dx : dx + large.shape[1]]
        outlines[large & ~kept] = number + 1
    return outlines


def _frame(layout: Layout, names: tuple[str, ...], colours: Pixels) -> Pillow.Image:
    width, height = layout.size_px
    frame = Pillow.new("RGB", (width + BAR_PX, HEAD_PX + height + FOOT_PX), GROUND)
    brush, small = ImageDraw.Draw(frame), ImageFont.load_default(SMALL_PX)
    _colour_bar(frame, brush, width, height, colours)
    left = 10
    top = HEAD_PX + height + 8
    for number, name in enumerate(names):
        brush.rectangle((left, top + 2, left + 11, top + 13), outline=OUTLINES[number % len(OUTLINES)], width=2)
        brush.text((left + 17, top), name, fill=TEXT, font=small)
        left += 35 + int(brush.textlength(name, font=small))
    note = f"{THRESHOLD}  ·  radiological: R is the patient's right  ·  z in mm"
    brush.text((width + BAR_PX - 10 - brush.textlength(note, font=small), top), note, fill=FAINT, font=small)
    return frame


def _colour_bar(frame: Pillow.Image, brush: ImageDraw.ImageDraw, left: int, height: int, colours: Pixels) -> None:
    """More above, less below, with t at its ends."""
    small, x, half = ImageFont.load_default(SMALL_PX), left + 16, min(150, height // 2 - 40)
    middle = HEAD_PX + height // 2
    bar = np.asarray(Pillow.fromarray(colours[::-1, None]).resize((18, 2 * half), Pillow.Resampling.BILINEAR))
    frame.paste(Pillow.fromarray(bar[:half]), (x, middle - 8 - half))
    frame.paste(Pillow.fromarray(bar[half:]), (x, middle + 8))
    marks = (
        (middle - 8 - half, f"{T_MOST:g}"),
        (middle - 20, f"{T_SHOWN:g}"),
        (middle + 8, f"-{T_SHOWN:g}"),
        (middle - 4 + half, f"-{T_MOST:g}"),
    )
    for y, words in marks:
        brush.text((x + 24, y), words, fill=TEXT, font=small)
    brush.text((x, middle - 32 - half), "t", fill=TEXT, font=small)


def _label_slices(layout: Layout, brush: ImageDraw.ImageDraw) -> None:
    small, (width, height) = ImageFont.load_default(SMALL_PX), layout.slice_px
    for number, ((x, y), z_mm) in enumerate(zip(layout.corners_px, layout.heights_mm, strict=True)):
        brush.text((x + 4, HEAD_PX + y + height - 16), f"{z_mm:+.0f}", fill=FAINT, font=small)
        if number == 0:
            brush.text((x + 4, HEAD_PX + y + height // 2 - 8), "R", fill=TEXT, font=ImageFont.load_default(TEXT_PX))
            brush.text((x + width - 14, HEAD_PX + y + height // 2 - 8), "L", fill=TEXT, font=ImageFont.load_default(TEXT_PX))
