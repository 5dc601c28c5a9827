"""The page that the operator looks at before a preparation is accepted: one HTML file that holds its pictures. Pure.

Written for somebody with a participant waiting: the verdict first, then what needs a look, then the pictures, then all numbers.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape

import numpy as np
from PIL import Image as Pillow

from rtfmri.preparation.checks import Check
from rtfmri.preparation.outputs import Preparation
from rtfmri.preparation.planes import AXIAL, CORONAL, SAGITTAL, Layer, View, column_of, cropped, row_of, titled
from rtfmri.preparation.regions import Region
from rtfmri.registration.mask import Mask

BRAIN_COLOUR, REGION_COLOUR, LOST_COLOUR, CUT_COLOUR = (86, 180, 233), (255, 175, 0), (213, 94, 0), (255, 255, 255)
SYMBOLS = {"good": ("✔", "good"), "look": ("▲", "look"), "refused": ("✖", "REFUSED")}
SLICES = 6
MARGIN_MM = 22.0  # so that the head is seen whole
STYLE = """
body{background:#101012;color:#ebebeb;font:15px/1.45 system-ui,sans-serif;margin:24px auto;max-width:1180px;padding:0 16px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:26px 0 6px}img{max-width:100%;display:block;margin:6px 0}
.verdict{font-size:18px;padding:10px 14px;border-left:6px solid;margin:14px 0;background:#1b1b1f}
.good{border-color:#009e73}.look{border-color:#f0e442}.refused{border-color:#d55e00}
table{border-collapse:collapse}td{padding:3px 14px 3px 0;vertical-align:top}code{background:#1b1b1f;padding:2px 5px}.faint{color:#a5a5aa}
"""


def pictures_of(preparation: Preparation) -> dict[str, bytes]:
    """PNGs by name: ``brain`` (six axial slices), ``dropout``, and one for each region, named as the region."""
    anatomy = preparation.found.anatomy
    outline = Layer(anatomy.brain, BRAIN_COLOUR)
    pictures = {
        "brain": _axial(preparation, outline, "MNI's brain (blue) on the EPI: does it follow the edge?"),
        "dropout": _axial(preparation, Layer(anatomy.lost, LOST_COLOUR, filled=True), "lost signal (orange)"),
    }
    for region in preparation.regions:
        if region.whole.any():
            layers = outline, Layer(region.mask, REGION_COLOUR, filled=True), Layer(region.whole, CUT_COLOUR)
            pictures[region.rule.name] = _three(preparation, region, layers)
    return {name: _png(picture) for name, picture in pictures.items()}


def page_of(preparation: Preparation, pictures: Mapping[str, bytes], title: str, accept: str) -> str:
    """The page; ``title`` such as ``sub-07 ses-01``, ``accept`` the command that accepts it."""
    parts = [f"<h1>Preparation of {escape(title)}</h1>", _verdict(preparation, accept)]
    wanting = [check for check in preparation.checks if check.verdict != "good"]
    if wanting:
        parts += ["<h2>Look at this</h2>", _table(wanting)]
    for region in preparation.regions:
        parts.append(_region(region, pictures))
    parts += [
        "<h2>Brain</h2><p class=faint>Blue: MNI's brain on this EPI. It should follow the brain's edge all round.</p>",
        _image(pictures["brain"], "MNI brain outline on the EPI"),
        "<h2>Lost signal</h2><p class=faint>Orange: voxels that have lost their signal (dropout); regions leave them out.</p>",
        _image(pictures["dropout"], "dropout on the EPI"),
        "<h2>All checks</h2>",
        _table(list(preparation.checks)),
        "<p class=faint>Left and right are the scanner's: R is the participant's right by the images' header. Research use only. "
        "Not a medical device. Not for diagnosis or treatment.</p>",
    ]
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _verdict(preparation: Preparation, accept: str) -> str:
    worst = next(v for v in ("refused", "look", "good") if v == "good" or any(c.verdict == v for c in preparation.checks))
    said = {
        "refused": "This preparation cannot be used; the reasons stand below.",
        "look": "Look at what is marked, then accept or reject.",
        "good": "Nothing stands out. Look at the pictures, then accept or reject.",
    }[worst]
    how = "" if worst == "refused" else f"<br><span class=faint>Accept: <code>{escape(accept)}</code></span>"
    return f"<div class='verdict {worst}'>{SYMBOLS[worst][0]} {said}{how}</div>"


def _region(region: Region, pictures: Mapping[str, bytes]) -> str:
    rule = region.rule
    provisional = " (PROVISIONAL)" if rule.is_provisional else ""
    words = (
        f"<h2>{escape(rule.name)}{provisional}</h2><p class=faint>{escape(rule.source_words)}. {region.voxels} voxels are used (filled); "
    )
    words += "white outline: the whole region before grey matter and dropout were cut; blue: MNI's brain.</p>"
    return words + (_image(pictures[rule.name], rule.name) if rule.name in pictures else "<p>Nothing of it lies within the slices.</p>")


def _table(checks: list[Check]) -> str:
    rows = []
    for check in checks:
        symbol, word = SYMBOLS[check.verdict]
        rows.append(f"<tr><td>{symbol}&nbsp;{word}</td><td>{escape(check.name)}</td><td>{escape(check.words)}</td></tr>")
    return f"<table>{''.join(rows)}</table>"


def _image(png: bytes, alternative: str) -> str:
    return f'<img alt="{escape(alternative)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _three(preparation: Preparation, region: Region, layers: tuple[Layer, ...]) -> Pillow.Image:
    """Three planes through the middle of a region."""
    view, _, turned = _view(preparation, layers)
    x, y, z = (int(n) for n in np.argwhere(turned[-1].mask).mean(axis=0).round())
    centre = region.centre_mm or (0.0, 0.0, 0.0)
    wanted = ((SAGITTAL, x, "x"), (CORONAL, y, "y"), (AXIAL, z, "z"))
    row = row_of([view.plane(axis, at, f"{letter} {centre[axis]:+.0f} mm") for axis, at, letter in wanted])
    provisional = "   PROVISIONAL" if region.rule.is_provisional else ""
    return titled(row, f"{region.rule.name}{provisional}   {region.voxels} voxels of {int(region.whole.sum())}")


def _axial(preparation: Preparation, layer: Layer, words: str) -> Pillow.Image:
    """Slices spread over the brain, the lowest first."""
    view, brain, _ = _view(preparation, (layer,))
    levels = np.flatnonzero(brain.any(axis=(0, 1)))
    chosen = np.quantile(levels, np.linspace(0.08, 0.92, SLICES)).astype(int)
    planes = [view.plane(AXIAL, int(at), f"slice {int(at) + 1}") for at in chosen]
    return titled(column_of([row_of(planes[: SLICES // 2]), row_of(planes[SLICES // 2 :])]), words)


def _view(preparation: Preparation, layers: tuple[Layer, ...]) -> tuple[View, Mask, tuple[Layer, ...]]:
    """The reference with its layers, the brain and the layers, cut to the brain's surroundings and turned to RAS."""
    anatomy = preparation.found.anatomy
    extra = (*layers, Layer(anatomy.brain, BRAIN_COLOUR))
    image, grid, cut = cropped(preparation.reference, anatomy.grid, anatomy.brain, extra, MARGIN_MM)
    whole = View.of(image, grid, cut)
    turned = whole.layers[:-1]
    return View(whole.image, turned, whole.sizes_mm), whole.layers[-1].mask, turned


def _png(picture: Pillow.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
