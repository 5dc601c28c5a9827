"""How opaque the parts of a shape are: small pictures from -1 (clear) to 1 (opaque), smooth at the edge without multisampling. Pure.

The unit circle lies at ``1 / MARGIN`` of a mask's half width, so that its edge has room. ``bar`` is as high as the circle is wide and clear
at its long edges only; ``quarter`` is the part of the disc with x > 0 and y > 0, with its centre in a corner of the mask.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

TEXELS = 512
MARGIN = 1.06
DOTS = 44
RING_WIDTH = 0.022  # in radii

MaskName = Literal["disc", "glow", "ring", "dotted", "dot", "bar", "quarter"]
SMALL = {"bar": 64, "dot": 64}  # texels of those that are drawn small


def mask(name: MaskName) -> npt.NDArray[np.float32]:
    """Square; ``dot`` is the disc for sizes of a few pixels."""
    texels = SMALL.get(name, TEXELS)
    axis = (np.arange(texels) + 0.5) / texels * 2.0 - 1.0
    x, y = np.meshgrid(axis * MARGIN, axis * MARGIN)
    radius, texel = np.hypot(x, y), 2.0 * MARGIN / texels
    if name == "bar":
        cover = _edge(1.0 - np.abs(y), texel)
    elif name == "quarter":
        across, up = np.meshgrid((axis + 1.0) / 2.0, (axis + 1.0) / 2.0)
        cover = _edge(1.0 - np.hypot(across, up), 1.0 / 64.0)  # fine texels, as the graphics card blends the outermost with nothing
    elif name == "glow":
        cover = np.clip(2.2 * (1.0 - radius), 0.0, 1.0) ** 1.8
    elif name in ("disc", "dot"):
        cover = _edge(1.0 - radius, texel)
    elif name == "ring":
        cover = _edge(RING_WIDTH / 2 - np.abs(radius - 1.0), texel)
    else:
        step = 2.0 * np.pi / DOTS
        along = (np.arctan2(y, x) / step) % 1.0 - 0.5  # from the middle of a dot, in dots
        cover = _edge(1.4 * RING_WIDTH - np.hypot(radius - 1.0, along * step), texel)
    return (cover * 2.0 - 1.0).astype(np.float32)


def _edge(inside: npt.NDArray[np.float64], texel: float) -> npt.NDArray[np.float64]:
    """0 outside, 1 inside, over three texels in between; ``inside`` is the distance from the edge."""
    return np.clip(inside / (3.0 * texel) + 0.5, 0.0, 1.0)
