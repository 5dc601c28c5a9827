"""PsychoPy's stimuli for the shapes of ``feedback/shapes.py``, made once and reused.

Discs and rings are masks on one quad each; lines, dots and bars are batches of small quads (``elements.py``), one draw call each; a line
of text is laid out when it first appears, a picture is loaded before it is needed. Imports nothing of PsychoPy: the window gives it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feedback.elements import Batch, batches
from feedback.fonts import font_for
from feedback.masks import MARGIN, MaskName, mask
from feedback.shapes import Curve, Disc, Dots, Glow, Image, Rect, Ring, Shape, Text

TEXTS_KEPT = 64
IMAGES_KEPT = 64
CAPACITY = 8  # elements of a batch, at first; then twice as many


class Stimuli:
    """Those of one window. ``visual``: ``psychopy.visual``; ``window``: its window."""

    def __init__(self, visual: Any, window: Any) -> None:
        self._visual, self._window = visual, window
        self._stimuli: dict[tuple[Any, ...], Any] = {}

    def clear(self) -> None:
        self._stimuli.clear()

    def draw(self, slot: int, shape: Shape) -> None:
        """Draw ``shape``, the picture's number ``slot``, into the back buffer."""
        if isinstance(shape, Image):
            self._image(shape).draw()
        elif shape.opacity <= 0.0:
            return
        elif isinstance(shape, Text):
            self._text(shape).draw()
        elif isinstance(shape, Disc | Glow | Ring):
            self._patch(slot, shape).draw()
        else:
            self._draw_batches(slot, shape)

    def _text(self, shape: Text) -> Any:
        key = (Text, shape.text, shape.height, shape.colour, shape.x, shape.y, shape.mirror_x, shape.mirror_y)
        if key not in self._stimuli:
            self._forget_oldest(Text, TEXTS_KEPT)
            font = font_for(shape.text)
            self._stimuli[key] = self._visual.TextStim(
                self._window,
                text=shape.text,
                font=font.family if font else "",
                fontFiles=[str(font.file)] if font else [],
                languageStyle=shape.direction,
                pos=(shape.x, shape.y),
                height=shape.height,
                color=shape.colour,
                wrapWidth=4.0,
                flipHoriz=shape.mirror_x,
                flipVert=shape.mirror_y,
                autoLog=False,
            )
        text = self._stimuli[key]
        if text.opacity != shape.opacity:
            text.opacity = shape.opacity
        return text

    def _image(self, shape: Image) -> Any:
        picture = self.texture(shape.path)
        width, height = picture.natural_size
        scale = min(shape.width / width, shape.height / height)
        picture.size = (width * scale, height * scale)
        picture.pos, picture.flipHoriz, picture.flipVert = (shape.x, shape.y), shape.mirror_x, shape.mirror_y
        return picture

    def texture(self, path: str) -> Any:
        """The picture in file ``path``, loaded when it is first asked for."""
        key = (Image, path)
        if key not in self._stimuli:
            self._forget_oldest(Image, IMAGES_KEPT)
            picture = self._visual.ImageStim(self._window, image=path, units="height", interpolate=True, autoLog=False)
            picture.natural_size = tuple(picture.size)
            self._stimuli[key] = picture
        return self._stimuli[key]

    def _forget_oldest(self, kind: type, most: int) -> None:
        known = [key for key in self._stimuli if key[0] is kind]
        for key in known[: max(0, len(known) - most + 1)]:
            del self._stimuli[key]

    def _patch(self, slot: int, shape: Disc | Glow | Ring) -> Any:
        key = (slot, _mask_name(shape), shape.colour)
        if key not in self._stimuli:
            self._stimuli[key] = self._visual.GratingStim(
                self._window, tex=None, mask=mask(key[1]), color=shape.colour, units="height", interpolate=True, autoLog=False
            )
        patch = self._stimuli[key]
        patch.pos = (shape.x, shape.y)
        patch.size = 2.0 * shape.radius * MARGIN
        patch.opacity = min(max(shape.opacity, 0.0), 1.0)
        return patch

    def _draw_batches(self, slot: int, shape: Rect | Curve | Dots) -> None:
        for number, batch in enumerate(batches(shape)):
            self._elements(slot, number, batch).draw()

    def _elements(self, slot: int, number: int, batch: Batch) -> Any:
        count = len(batch.turns)
        capacity = CAPACITY
        while capacity < count:
            capacity *= 2
        key = (slot, number, batch.mask, capacity)
        if key not in self._stimuli:
            cover = None if batch.mask is None else mask(batch.mask)
            settings = {"units": "height", "elementTex": None, "elementMask": cover, "sfs": 1.0, "autoLog": False}
            nowhere = np.zeros((capacity, 2))  # left out, PsychoPy would place them by lot, and fail when too few fall into its field
            self._stimuli[key] = self._visual.ElementArrayStim(self._window, nElements=capacity, xys=nowhere, **settings)
        elements = self._stimuli[key]
        elements.xys = _padded(batch.centres, capacity)
        elements.sizes = _padded(batch.sizes, capacity)
        elements.oris = _padded(batch.turns, capacity)
        elements.opacities = _padded(np.full(count, batch.opacity), capacity)
        elements.setColors(batch.colour)
        return elements


def _mask_name(shape: Disc | Glow | Ring) -> MaskName:
    if isinstance(shape, Ring):
        return "dotted" if shape.dotted else "ring"
    return "glow" if isinstance(shape, Glow) else "disc"


def _padded(numbers: Any, capacity: int) -> Any:
    """``numbers`` (N, ...) with zeros up to ``capacity``: an element without a size is none."""
    return np.concatenate([numbers, np.zeros((capacity - len(numbers), *numbers.shape[1:]))])
