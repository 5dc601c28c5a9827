"""Regions and statistical maps on the reference image, as small pictures: one pixel a voxel, magnified by the page to millimetres.

Everything is brought to the nearest RAS axes first. Radiological: the participant's right is on the left of coronal and axial planes,
marked R; the sagittal plane shows the face to its right, marked A.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from rtfmri.record.report.facts import Facts, Images, StatMap
from rtfmri.record.report.markup import Section, paragraph, plain
from rtfmri.volume import Grid

PX_PER_MM = 1.3
SAGITTAL, CORONAL, AXIAL = 0, 1, 2
SIDES = {SAGITTAL: ("P", "A"), CORONAL: ("R", "L"), AXIAL: ("R", "L")}
NAMES = {SAGITTAL: "sagittal", CORONAL: "coronal", AXIAL: "axial"}
OUTLINES = ("#ffaf00", "#56b4e9", "#2bd9a0", "#f08ac8", "#f0e442", "#ffffff")
SLICES = 10  # axial ones of a map
T_SHOWN, T_MOST = 3.1, 10.0  # as in aftercare's pictures: p < .001 in one voxel, one-sided, not corrected
MORE, LESS = ((213, 94, 0), (255, 240, 120)), ((0, 82, 155), (150, 225, 255))

Any2D = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Turned:
    """An image turned to RAS+ (X, Y, Z), cut to the head, with the size of its voxels and the mm of voxel 0 along each axis."""

    image: Plane
    sizes_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]


def regions(facts: Facts) -> Section:
    """Each region in three planes through its middle, the others' outlines beside its own."""
    title, images = "Regions", facts.images
    if facts.hidden:
        return Section("regions", title, paragraph("Not shown of a blind run."))
    if images is None or not images.weights:
        return Section("regions", title, paragraph("There are no pictures: the record holds no reference image with regions on it."))
    turned, cut = _turned(images.reference, images.grid, None)
    masks = {name: _turned(weights, images.grid, cut)[0].image > 0 for name, weights in images.weights.items()}
    parts = [_about(facts, name, masks[name]) + _three(turned, masks, name) for name in masks]
    note = (
        "On the image that all volumes were realigned to. R is the participant's right by the images' header; "
        "positions in mm of the scanner."
    )
    return Section("regions", title, "".join(parts) + paragraph(note, "faint"))


def maps(facts: Facts) -> Section | None:
    """The statistical maps of the run, where aftercare left them."""
    if facts.hidden:
        return Section("maps", "Statistical maps", paragraph("Sealed: no map is made of a blind run."))
    if not facts.maps or facts.images is None:
        return Section("maps", "Statistical maps", paragraph("There is none, or it was not finished when this page was written."))
    parts = [_map(facts.images, found) for found in facts.maps if found.grid.difference_mm(facts.images.grid) < 1e-3]
    note = (
        f"Coloured where |t| > {T_SHOWN:g} (p < .001 in one voxel, one-sided, not corrected for the number of voxels): warm where "
        "the first "
        "condition's signal was higher, blue where it was lower. For looking, not for inference; the run that a region was chosen from "
        "must not be used to test it."
    )
    return Section("maps", "Statistical maps", "".join(parts) + paragraph(note, "faint"))


def _about(facts: Facts, name: str, mask: Mask) -> str:
    roi = next((roi for roi in facts.rois if roi.name == name), None)
    provisional = ' <span class="prov">provisional</span>' if name in facts.provisional else ""
    weight = f", weight {roi.weight:+g}" if roi else ""
    source = f" {roi.source}." if roi and roi.source else ""
    voxels = roi.n_voxels if roi and roi.n_voxels is not None else int(mask.sum())
    return f"<h3>{escape(name)}{provisional}</h3>" + paragraph(
        f"{voxels} voxels{weight}.{source}".replace("-", "−", 1 if roi and roi.weight < 0 else 0)
    )


def _three(turned: Turned, masks: Mapping[str, Mask], name: str) -> str:
    if not masks[name].any():
        return paragraph("Nothing of it lies within the picture.")
    middle = [int(n) for n in np.argwhere(masks[name]).mean(axis=0).round()]
    planes = (_plane(turned, None, masks, axis, middle[axis], f"{plain(name)}, ") for axis in (SAGITTAL, CORONAL, AXIAL))
    return f'<div class="planes">{"".join(planes)}</div>'


def _map(images: Images, found: StatMap) -> str:
    turned, cut = _turned(images.reference, images.grid, None)
    t = _turned(found.t, found.grid, cut)[0].image
    masks = {name: _turned(weights, images.grid, cut)[0].image > 0 for name, weights in images.weights.items()}
    levels = np.unique(np.quantile(np.arange(t.shape[2]), np.linspace(0.12, 0.9, SLICES)).astype(int))
    contrast = str(found.about.get("Contrast", plain(found.name)))
    planes = "".join(_plane(turned, t, masks, AXIAL, int(z), f"{contrast}, ") for z in levels)
    peak = float(t.flat[np.abs(t).argmax()]) if t.size else 0.0
    smooth, volumes = found.about.get("SmoothingFWHM_mm"), found.about.get("VolumesInMap")
    said = (
        f"Largest |t| {abs(peak):.1f}" + (f"; smoothed with {smooth:g} mm" if smooth else "") + (f"; {volumes} volumes" if volumes else "")
    )
    return f'<h3>{escape(plain(contrast))}</h3>{paragraph(said + ".")}<div class="planes">{planes}</div>{_scale()}'


def _scale() -> str:
    """The colours of t, from blue below to warm above."""
    parts = []
    for n, t in enumerate([*np.linspace(-T_MOST, -T_SHOWN, 16), *np.linspace(T_SHOWN, T_MOST, 16)]):
        pixel = np.zeros((1, 1, 3), dtype=np.uint8)
        _colour(pixel, np.array([[np.nextafter(t, t * 2)]]))
        colour = "#" + "".join(f"{part:02x}" for part in pixel[0, 0].tolist())
        parts.append(f'<rect x="{8 + 8 * n + (40 if n > 15 else 0)}" y="2" width="8.5" height="12" fill="{colour}"/>')
    ends = ((8, f"−{T_MOST:g}"), (136, f"−{T_SHOWN:g}"), (176, f"{T_SHOWN:g}"), (304, f"{T_MOST:g}"))
    words = "".join(f'<text class="m" x="{x}" y="28">{text}</text>' for x, text in ends)
    label = f"Colours of t from {-T_MOST:g} to {T_MOST:g}; between {-T_SHOWN:g} and {T_SHOWN:g} none"
    picture = f'<svg viewBox="-12 0 352 32" width="352" height="32" role="img" aria-label="{label}">{"".join(parts)}{words}'
    return f'<div class="planes">{picture}<text x="322" y="13">t</text></svg></div>'


def _turned(image: Plane, grid: Grid, cut: tuple[slice, ...] | None) -> tuple[Turned, tuple[slice, ...]]:
    orientation = nib.io_orientation(grid.affine)
    turned = nib.apply_orientation(image, orientation)
    affine = grid.affine @ nib.orientations.inv_ornt_aff(orientation, image.shape)
    cut = cut or _head(turned)
    sizes = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    first = affine[:3, :3] @ np.array([part.start for part in cut]) + affine[:3, 3]
    return Turned(turned[cut], tuple(map(float, sizes)), tuple(map(float, first))), cut  # type: ignore[arg-type]


def _head(image: Plane) -> tuple[slice, ...]:
    """Where the head is, with two voxels around: what is brighter than a tenth of the bright."""
    head = image > 0.1 * np.percentile(image, 99)
    cuts = []
    for axis in range(3):
        along = np.flatnonzero(head.mean(axis=tuple(other for other in range(3) if other != axis)) > 0.01)
        first, last = (int(along[0]), int(along[-1])) if len(along) else (0, image.shape[axis] - 1)
        cuts.append(slice(max(0, first - 2), min(image.shape[axis], last + 3)))
    return tuple(cuts)


def _plane(turned: Turned, t: Plane | None, masks: Mapping[str, Mask], axis: int, at: int, words: str) -> str:
    """One plane as SVG: the picture, the outlines, its sides and place."""
    grey = _upright(np.take(turned.image, at, axis), axis)
    bright = float(np.percentile(turned.image, 99.5)) or 1.0
    pixels = np.repeat((np.clip(grey / bright, 0.0, 1.0) * 255.0).astype(np.uint8)[:, :, None], 3, axis=2)
    if t is not None:
        _colour(pixels, _upright(np.take(t, at, axis), axis))
    rows, columns = grey.shape
    across, down = [size * PX_PER_MM for k, size in enumerate(turned.sizes_mm) if k != axis]
    width, height = columns * across, rows * down
    outlines = "".join(
        f'<path d="{path}" class="pl" stroke="{colour}"/>'
        for n, mask in enumerate(masks.values())
        if (path := _outline(_upright(np.take(mask, at, axis), axis), across, down))
        for colour in ("#000", OUTLINES[n % len(OUTLINES)])
    ).replace('class="pl" stroke="#000"', 'class="pl under" stroke="#000"')
    place = f"{'xyz'[axis]} {turned.origin_mm[axis] + at * turned.sizes_mm[axis]:+.0f} mm".replace("-", "−")
    left, right = SIDES[axis]
    label = f"{words}{NAMES[axis]} plane at {place}"
    return (
        f'<svg viewBox="0 0 {width:.1f} {height:.1f}" width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(label)}">'
        f'<image width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{_png(pixels)}"/>{outlines}'
        f"{_label(4, height / 2, left)}{_label(width - 12, height / 2, right)}{_label(4, height - 5, place)}</svg>"
    )


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="side">{escape(text)}</text>'


def _upright(plane: Any2D, axis: int) -> Any2D:
    """Rows from the top: head or front above; columns as the sides of the plane say."""
    return plane[:, ::-1].T if axis == SAGITTAL else plane[::-1, ::-1].T


def _outline(inside: Any2D, across: float, down: float) -> str:
    """The edges between voxels inside and outside, as one path."""
    padded = np.pad(inside.astype(np.int8), 1)
    edges = [f"M{c * across:.1f} {r * down:.1f}h{across:.2f}" for r, c in _where(np.diff(padded[:, 1:-1], axis=0))]
    edges += [f"M{c * across:.1f} {r * down:.1f}v{down:.2f}" for r, c in _where(np.diff(padded[1:-1], axis=1))]
    return "".join(edges)


def _where(edges: npt.NDArray[np.int8]) -> Iterator[Sequence[int]]:
    return iter(np.argwhere(edges != 0).tolist())


def _colour(pixels: npt.NDArray[np.uint8], t: Any2D) -> None:
    values = np.nan_to_num(np.asarray(t, dtype=np.float64))
    share = np.clip((np.abs(values) - T_SHOWN) / (T_MOST - T_SHOWN), 0.0, 1.0)[:, :, None]
    for ends, where in ((MORE, values > T_SHOWN), (LESS, values < -T_SHOWN)):
        colours = (1.0 - share) * np.array(ends[0]) + share * np.array(ends[1])
        pixels[where] = colours[where].round().astype(np.uint8)


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
