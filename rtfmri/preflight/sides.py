"""Left and right: does each region lie on the side on which it belongs, by the images' own headers?

What this can know: which way the stored columns run, and on which side of the head's middle each region lies. What it cannot know: whether
the scanner was told how the participant really lay (head first, on the back); no header can say that of itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np

from rtfmri.pipeline import GridImage, Materials
from rtfmri.preflight.check import Check
from rtfmri.preparation.planes import AXIAL, CORONAL, Layer, View, row_of, titled
from rtfmri.registration.mask import head_mask
from rtfmri.signals.rois import INSIDE
from rtfmri.study import Study
from rtfmri.study.regions import RoiRule
from rtfmri.volume import Array, Grid, Image

NAME = "left and right"
CANNOT = "Whether the scanner was told how the participant lies no header can say: a marker at the right temple shows it once and for all."
MIDLINE_MM = 4.0  # nearer to the middle than this there is no side
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167))  # Okabe and Ito
NAMED = re.compile(r"(?:^|_)(right|left|rh|lh|r|l)(?:_|$)")

Side = Literal["right", "left"]


@dataclass(frozen=True)
class Beside:
    """A region's mean place: ``right_mm`` of the head's middle (negative: left), and the side where it ``belongs`` (None: not told)."""

    name: str
    right_mm: float
    belongs: Side | None

    @property
    def side(self) -> Side:
        return "right" if self.right_mm > 0 else "left"


def belongs_to(rule: RoiRule) -> Side | None:
    """By its place in MNI, else by its name (``tpj_right``, ``r_tpj``)."""
    places = [source.sphere_mni_mm[0] for source in rule.all_sources if source.sphere_mni_mm is not None]
    if places:
        return None if abs(places[0]) < MIDLINE_MM else "right" if places[0] > 0 else "left"
    said = NAMED.search(rule.name.lower())
    return None if said is None else "right" if said[1].startswith("r") else "left"


def beside_of(study: Study, materials: Materials, seen: GridImage | None) -> tuple[Beside, ...]:
    """``study`` as its file says it; ``seen``: a volume on the grid of the masks (None: the slab's middle is taken for the head's)."""
    rules = {roi.name: roi for roi in study.roi}
    found = []
    for name, mask in materials.masks.items():
        image = materials.earlier or (seen if seen is not None and seen.grid.shape == mask.grid.shape else None)
        middle_mm = _middle_mm(mask.grid, image)
        index = np.argwhere(np.asarray(mask.data) >= INSIDE)
        if len(index):
            right_mm = float((mask.grid.affine[0, :3] * index.mean(axis=0)).sum() + mask.grid.affine[0, 3]) - middle_mm
            found.append(Beside(name, right_mm, belongs_to(rules[name]) if name in rules else None))
    return tuple(found)


def _middle_mm(grid: Grid, image: GridImage | None) -> float:
    """RAS x of the head's middle, or of the slab's where no head is seen."""
    middle = (np.array(grid.shape) - 1) / 2
    if image is not None:
        head = head_mask(image.data)
        if head.any():
            middle, grid = np.argwhere(head).mean(axis=0), image.grid
    return float((grid.affine[0, :3] * middle).sum() + grid.affine[0, 3])


def sides_check(grid: Grid, beside: tuple[Beside, ...], picture: Path | None = None) -> Check:
    """``grid`` of the image that the regions lie on."""
    runs = "".join(nib.aff2axcodes(grid.affine))
    wrong = [one for one in beside if one.belongs not in (None, one.side) and abs(one.right_mm) >= MIDLINE_MM]
    places = ", ".join(f"{one.name} {abs(one.right_mm):.0f} mm {one.side}" for one in beside)
    if wrong:
        text = f"{', '.join(one.name for one in wrong)} lies on the other side than it belongs ({places}; stored {runs})."
        return Check(NAME, "failed", text, "A mask or an image is flipped: make them anew from the scanner's own files.", picture)
    if not any(one.belongs for one in beside):
        text = f"By the header: {places} of the middle (stored {runs}). The study does not say where they belong."
        return Check(NAME, "unknown", text, "Look whether these sides are meant; names such as tpj_right let this be checked.", picture)
    return Check(NAME, "ok", f"By the header each region lies where it belongs: {places} (stored {runs}). {CANNOT}", "", picture)


def draw_sides(path: Path, image: Image, grid: Grid, masks: dict[str, Image]) -> Path | None:
    """An axial and a coronal plane through each of the first two regions, R and L beside them, as PNG."""
    layers = tuple(
        Layer(np.asarray(mask) >= INSIDE, COLOURS[k % len(COLOURS)], filled=True)
        for k, mask in enumerate(masks.values())
        if mask.shape == grid.shape
    )
    if not any(layer.mask.any() for layer in layers):
        return None
    view = View.of(image, grid, layers)
    rows = []
    for name, layer in list(zip(masks, view.layers, strict=False))[:2]:
        _, y, z = (int(n) for n in _centre(layer).round())
        rows.append(titled(row_of([view.plane(AXIAL, z), view.plane(CORONAL, y)]), name))
    row_of(rows).save(path, "PNG")
    return path


def _centre(layer: Layer) -> Array:
    return np.asarray(np.argwhere(layer.mask).mean(axis=0), dtype=np.float64)
