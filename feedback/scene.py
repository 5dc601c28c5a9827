"""A state of the display as shapes. Pure: the window only draws what stands here.

Units: heights of the window; the origin is its centre, x to the right, y up. Everything stays within the central 70 %. Nothing is still:
what does not carry a value moves in idle, so that the picture never looks frozen. That motion is two slow waves without a common rhythm:
it must not pace the breath, as breathing changes the signal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from feedback.card import card
from feedback.layout import Layout, in_box
from feedback.look import SHOW, Asked, Look
from feedback.palette import SAND
from feedback.shapes import Glow, Image, Shape, Text
from feedback.sizes import LEAST_DEGREES
from feedback.slider import slider
from feedback.state import DisplayState, look
from feedback.views import Glance, View
from feedback.views.circle import circle
from feedback.views.known import OWN, seen, view_problems
from feedback.wording import Lines, Wording, wording, wording_problems
from rtfmri.messages import DisplaySettings, RunStart, ScreenSettings

ASPECT = 4 / 3
NO_SETTINGS = DisplaySettings()
SMALLEST_EM = 0.034  # what is smaller is told where degrees are not known; at a size of 1


@dataclass(frozen=True)
class Moment:
    """All that decides a picture: what it is, the run's settings, and what is eased (``opening`` -1 ... 1, the others 0 ... 1).

    ``values`` : whether this run shows values at all. ``beside`` : the texts that stand above a value somewhere in this run; the view keeps
    a place below all of them, so that a value looks the same in every block.
    """

    look: Look
    settings: DisplaySettings = NO_SETTINGS
    values: bool = False
    opening: float = 0.0
    presence: float = 0.0
    outline: float = 0.0
    now_s: float = 0.0
    beside: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Shapes from back to front, upright (see ``shapes.flipped``); ``problem``: a sentence for the operator, mostly empty."""

    shapes: tuple[Shape, ...]
    problem: str = ""


def scene(state: DisplayState, aspect: float = ASPECT, views: Mapping[str, View] = OWN) -> tuple[Shape, ...]:
    """What to draw for ``state``."""
    return picture(state, aspect, views).shapes


def picture(state: DisplayState, aspect: float = ASPECT, views: Mapping[str, View] = OWN) -> Picture:
    """What to draw for ``state`` in a window ``aspect`` times as wide as high, and what was wrong with a lab's view."""
    run, now_s = state.run, state.now_s
    eased = (state.opening.at(now_s), state.presence.at(now_s), state.outline.at(now_s))
    if run is None:
        return depicted(Moment(look(state), NO_SETTINGS, False, *eased, now_s), aspect, views)
    return depicted(Moment(look(state), run.display, run.run_kind == "feedback", *eased, now_s, _beside(run, aspect)), aspect, views)


def depicted(moment: Moment, aspect: float = ASPECT, views: Mapping[str, View] = OWN) -> Picture:
    """What to draw for ``moment``."""
    now, settings, idle = moment.look, moment.settings, idle_wave(moment.now_s)
    words, layout = wording(settings.language, settings.wording), Layout(settings, aspect)
    if now.kind == "blank":
        return Picture(())
    if now.kind == "card":
        return Picture(card(words, layout))
    if now.asked is not None:
        return Picture(slider(now.asked, words, layout, idle))
    lines = words.lines(now, values=moment.values)
    if now.trial is not None and now.trial.image:
        return Picture(_with_image(layout, lines, now.trial.image, idle))
    block_s = 0.0 if now.block is None else now.block.duration_s
    glance = Glance(moment.opening, moment.presence, moment.outline, now.trace, block_s, idle)
    text = layout.words(lines) if now.trial is None else layout.passage(lines)
    box = layout.below((*text, *moment.beside) if now.kind == "block" else text)
    drawn = seen(views.get(settings.view, circle), glance)
    problem = f"The view “{settings.view}” could not be drawn ({drawn.why}): the circle is shown instead." if drawn.why else ""
    return Picture((*in_box(drawn.shapes, box, settings.size), *text), problem)


def calm(now_s: float, aspect: float = ASPECT) -> tuple[Shape, ...]:
    """The neutral circle alone: what is left where a picture cannot be made."""
    layout = Layout(ScreenSettings(), aspect)
    return in_box(circle(Glance(0.0, 0.0, 0.0, (), 0.0, idle_wave(now_s))), layout.below(()), 1.0)


def idle_wave(now_s: float) -> float:
    """-1 ... 1, never at rest and without a rhythm to breathe to."""
    return 0.5 * (math.sin(2 * math.pi * now_s / 7.3) + math.sin(2 * math.pi * now_s / 11.9))


def texts_of(run: RunStart) -> tuple[Lines, ...]:
    """Every text that a participant may come to read in ``run``: for the letters that a font must have."""
    settings, words = run.display, wording(run.display.language, run.display.wording)
    ratings = [lines for scale in settings.ratings for lines in (words.question(scale), words.ends(scale))]
    card = [lines for key, lines in words.texts.items() if key.startswith("card.")]
    return (*_plain_texts(run, words), *ratings, *card, *(trial.lines for trial in settings.trials if trial.lines))


def _plain_texts(run: RunStart, words: Wording) -> tuple[Lines, ...]:
    """Those of blocks, and of what stands around them."""
    blocks = [key for block in run.blocks for key in (f"block.{block.name}", f"role.{block.role}") if key in words.texts]
    keys = dict.fromkeys(("welcome", "waiting", "between", "paused", "own_pause", "ended", "resting", "answered", "role.other", *blocks))
    return ((words.texts["waiting"][0], *words.texts["beforehand"]), *(words.texts[key] for key in keys))


def _beside(run: RunStart, aspect: float) -> tuple[Text, ...]:
    settings, layout = run.display, Layout(run.display, aspect)
    words, blocks = wording(settings.language, settings.wording), {(block.name, block.role) for block in run.blocks}
    own = [words.of_block(name, role) for name, role in blocks if role == "regulate" or name == SHOW]
    read = [trial.lines for trial in settings.trials if trial.lines and (trial.block, "regulate") in blocks]
    plain = [layout.words(text) for lines in own for text in (lines, words.resting(lines))]
    return tuple(text for texts in (*plain, *map(layout.passage, read)) for text in texts)


def problems(run: RunStart, aspect: float = ASPECT, views: Mapping[str, View] = OWN) -> Lines:
    """Sentences for the operator about what ``run`` asks of this display: its view, its wording, the size of its texts."""
    settings = run.display
    return (*view_problems(settings.view, views), *wording_problems(settings), *_size_problems(run, Layout(settings, aspect)))


def _size_problems(run: RunStart, layout: Layout) -> Lines:
    settings = run.display
    words = wording(settings.language, settings.wording)
    sliders = [slider(Asked(scale, scale.low, 1.0), words, layout, 0.0) for scale in settings.ratings]
    drawn = [layout.words(lines) for lines in _plain_texts(run, words)]
    drawn += [layout.passage(trial.lines) for trial in settings.trials if trial.lines]
    drawn += [tuple(shape for shape in shapes if isinstance(shape, Text)) for shapes in sliders]
    smallest = min((text for texts in drawn for text in texts), key=lambda text: text.height)
    size = layout.degrees(smallest)
    if size is not None and size < LEAST_DEGREES - 0.005:
        why = f"is only {size:.2f} degrees high (at least {LEAST_DEGREES} degrees is legible for most)"
    elif size is None and smallest.height < SMALLEST_EM * settings.size:
        why = "becomes very small"
    else:
        return ()
    return (
        f"The text “{smallest.text}” {why} and cannot be larger on this screen: shorten it, or use a larger picture or a shorter distance.",
    )


def _with_image(layout: Layout, lines: Lines, image: str, idle: float) -> tuple[Shape, ...]:
    """The image in the view's place, and below it a glow that lives."""
    words: tuple[Text, ...] = layout.passage(lines)
    box = layout.below(words)
    life = 0.03
    height = box.height - 2 * life
    return (
        Image(box.x, box.y + life, box.width, height, image),
        Glow(box.x, box.y - box.height / 2 + life, life * (0.8 + 0.15 * idle), SAND, 0.6),
        *words,
    )
