"""Views by name: the display's own, and a lab's.

A lab gives a Python file (``--views FILE.py``): each public function in it that takes one ``Glance`` is a view by its name. What a view
gives is looked at before it is drawn (``seen``): a view that raises, or draws nothing that a window could draw or beyond its place, is
replaced by the circle for this frame, and the operator is told.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType

from feedback.shapes import Curve, Disc, Dots, Glow, Rect, Ring, Shape
from feedback.views import HALF_HEIGHT, HALF_WIDTH, Glance, View
from feedback.views.circle import circle
from feedback.views.line import line
from feedback.views.thermometer import thermometer
from rtfmri.errors import StudyError

OWN: Mapping[str, View] = MappingProxyType({"circle": circle, "thermometer": thermometer, "line": line})
ALLOWED = (Disc, Glow, Ring, Rect, Curve, Dots)
MOST_SHAPES = 200
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
TRIALS = tuple(
    Glance(value, presence, outline, trace, 40.0, idle)
    for value, trace in ((-1.0, ()), (0.0, ((1.0, 0.5),)), (1.0, ((1.0, 0.5), (3.0, -1.0), (40.0, 1.0))))
    for presence, outline, idle in ((0.0, 0.0, -1.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (1.0, 1.0, 1.0))
)


@dataclass(frozen=True)
class Seen:
    """What a view gave: ``shapes``, the circle's where it gave nothing good, and then why."""

    shapes: tuple[Shape, ...]
    why: str = ""


def views_of(file: Path | None) -> dict[str, View]:
    """The display's own views and those of a lab's ``file``, by name.

    Raises
    ------
    StudyError : the file cannot be read or run, or holds no view.
    """
    if file is None:
        return dict(OWN)
    found = dict(_public(_loaded(file)))
    if not found:
        raise StudyError(
            f"{file} holds no view: write a public function of one Glance that returns shapes (see feedback/views/__init__.py)."
        )
    return {**OWN, **found}


def seen(view: View, glance: Glance) -> Seen:
    """What ``view`` makes of ``glance``; never raises."""
    try:
        shapes = tuple(view(glance))
        why = _flaw(shapes)
    except Exception as error:  # a lab's own code may raise anything
        shapes, why = (), f"it raised {type(error).__name__}: {error}"
    return Seen(circle(glance), why) if why else Seen(shapes)


def view_problems(name: str, views: Mapping[str, View]) -> tuple[str, ...]:
    """Sentences for the operator: there is no view ``name``, or it draws what cannot be drawn in one of twelve trials."""
    if name not in views:
        return (f"There is no view “{name}” on this display (there are {', '.join(sorted(views))}): the circle is shown.",)
    flaws = [why for glance in TRIALS if (why := seen(views[name], glance).why)]
    return (f"The view “{name}” cannot be used as it is ({flaws[0]}): the circle is shown instead.",) if flaws else ()


def _flaw(shapes: tuple[object, ...]) -> str:
    """What is wrong with a view's shapes; empty where nothing is."""
    if not shapes:
        return "it drew nothing"
    if len(shapes) > MOST_SHAPES:
        return f"it drew more than {MOST_SHAPES} shapes"
    for shape in shapes:
        if not isinstance(shape, ALLOWED):
            return f"a view may draw {', '.join(kind.__name__ for kind in ALLOWED)}, not {type(shape).__name__}"
        if not _drawable(shape):
            return f"this {type(shape).__name__} has no number, size, opacity or colour that can be drawn"
        if not _within(shape):
            return f"a {type(shape).__name__} reaches beyond the view's place"
    return ""


def _drawable(shape: Disc | Glow | Ring | Rect | Curve | Dots) -> bool:
    numbers = list(_numbers(astuple(shape)))
    points_needed = {Curve: 2, Dots: 1}.get(type(shape), 0)
    enough = points_needed == 0 or len(getattr(shape, "points", ())) >= points_needed
    sizes = [getattr(shape, name, 1.0) for name in ("radius", "width", "height")]
    return (
        enough
        and all(math.isfinite(number) for number in numbers)
        and all(size > 0.0 for size in sizes)
        and 0.0 <= shape.opacity <= 1.0
        and COLOUR.fullmatch(shape.colour) is not None
    )


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif not isinstance(value, str):
        yield float(value)  # type: ignore[arg-type]  # a lab's code may put anything there; what is no number raises


def _within(shape: Disc | Glow | Ring | Rect | Curve | Dots) -> bool:
    if isinstance(shape, Curve | Dots):
        reach = shape.width / 2 if isinstance(shape, Curve) else shape.radius
        corners = [(abs(x) + reach, abs(y) + reach) for x, y in shape.points]
    elif isinstance(shape, Rect):
        corners = [(abs(shape.x) + shape.width / 2, abs(shape.y) + shape.height / 2)]
    else:
        corners = [(abs(shape.x) + shape.radius, abs(shape.y) + shape.radius)]
    return all(x <= HALF_WIDTH + 1e-6 and y <= HALF_HEIGHT + 1e-6 for x, y in corners)


def _public(module: ModuleType) -> Iterator[tuple[str, View]]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        parameters = tuple(inspect.signature(function).parameters.values())
        if function.__module__ != module.__name__ or name.startswith("_") or len(parameters) != 1:
            continue
        if parameters[0].annotation in (Glance, "Glance") or parameters[0].name == "glance":
            yield name, function


def _loaded(file: Path) -> ModuleType:
    spec = spec_from_file_location(f"views_of_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise StudyError(f"The file of views {file} is not there or no Python file.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a lab's own code may raise anything
        raise StudyError(f"The file of views {file} cannot be run ({type(error).__name__}: {error}).") from None
    return module
