"""The display's process: its parts wired together."""

from __future__ import annotations

import argparse
import secrets
import threading
from collections.abc import Callable
from contextlib import ExitStack

from feedback.devices import Boxes
from feedback.ends import Ends
from feedback.gallery import gallery
from feedback.here import Here
from feedback.log import Album, GlassLog
from feedback.loop import Loop, steady_clock
from feedback.options import window_size
from feedback.psychopy_window import PsychopyWindow
from feedback.shapes import flipped
from feedback.sound import Cues
from feedback.state import DisplayState
from feedback.views.known import views_of
from rtfmri.messages import ButtonSettings, TriggerSettings
from rtfmri.stream.returns import ReturnsClient
from rtfmri.stream.subscriber import Subscriber


def show(options: argparse.Namespace, stop: threading.Event, ready: Callable[[], None], alive: Callable[[], None]) -> None:
    """Open the window and show what the engine says, until the operator, a signal or the run's end.

    Raises
    ------
    StudyError : it cannot work so.
    OSError : the log or the folder of screenshots cannot be written.
    """
    clock = steady_clock()
    state = DisplayState(options.id, tuple(options.pause_key), seed=secrets.randbits(32))
    trigger = None if options.trigger is None else TriggerSettings(**options.trigger)
    buttons = None if options.buttons is None else ButtonSettings(**options.buttons)
    here = Here(options.flip, trigger, buttons, options.images, views_of(options.views))
    with ExitStack() as stack:
        enter = stack.enter_context
        ear, mouth = enter(Subscriber(options.connect)), enter(ReturnsClient(options.connect, options.id, clock))
        log, album = enter(GlassLog(options.log)), Album(options.screenshots)
        boxes, voice = enter(Boxes(clock)), enter(Cues())
        glass = enter(PsychopyWindow(window_size(options), options.screen))
        ends = Ends(glass, ear, mouth, boxes, voice, log, album)
        Loop(state, ends, here, clock, stop, exit_at_end=options.exit_at_end).run(ready, alive)


def draw_gallery(options: argparse.Namespace, stop: threading.Event) -> int:
    """A picture of every state of every view and language, in the folder of screenshots; how many."""
    options.screenshots.mkdir(parents=True, exist_ok=True)
    count = 0
    with PsychopyWindow(options.size or (1024, 768), options.screen) as glass:
        for name, flip, shapes in gallery(aspect=glass.aspect):
            if stop.is_set():
                break
            glass.draw(flipped(shapes, flip))
            glass.screenshot(options.screenshots / f"{name}.png")
            glass.flip()
            count += 1
    return count
