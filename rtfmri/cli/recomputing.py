"""A recorded run through the pipeline again, for what is learned from it afterwards: its model, its values, its volumes realigned.

The critical path itself is used, so all numbers are those of the run, with the very masks or with others in their place. What time
decided is obeyed as in a replay: missing volumes, pauses. A lab's own function is not called. Nothing is written or sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rtfmri.engine.pauses import paused_after
from rtfmri.engine.replay import decisions_of
from rtfmri.errors import StudyError, VolumeError
from rtfmri.messages import RunStart, VolumeMessage
from rtfmri.pipeline import Materials, Setup, Standing, State, begin, step
from rtfmri.pipeline.setup import GridImage
from rtfmri.record.recorded import RecordedRun
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import Mask, head_mask
from rtfmri.registration.reslice import covered, reslice
from rtfmri.rigid import RigidTransform
from rtfmri.signals.glm import Flags
from rtfmri.volume import Grid, Image, Missing, Volume


@dataclass(frozen=True, eq=False)
class Recomputed:
    """A run gone over: what was fixed for it, and the ``state`` after its last volume, whose design and fit are the run's final ones."""

    run: RecordedRun
    setup: Setup
    state: State
    standing: Standing
    messages: tuple[VolumeMessage, ...]

    @property
    def used(self) -> Flags:
        """(N planned,): the volumes in the fit; not flagged, paused, dummy or missing."""
        return self.state.signal.observations.used

    @property
    def count(self) -> int:
        """How many volume numbers there were, at most the planned ones."""
        return min(len(self.messages), self.setup.planned)

    @property
    def image(self) -> GridImage:
        """What the regions lie on: the run's own reference, or the image of an earlier run or session."""
        return self.setup.earlier or self.standing.image

    @property
    def session(self) -> RigidTransform | None:
        """From that image to the run's own reference; None where they are the same."""
        return None if self.standing.session is None else self.standing.session.transform

    @property
    def head(self) -> Mask:
        """The head in that image."""
        return self.standing.reference.mask if self.setup.earlier is None else head_mask(self.setup.earlier.data)


def start_of(run: RecordedRun) -> RunStart:
    """What the run was armed with.

    Raises
    ------
    StudyError : its journal does not begin with it.
    """
    start = next((envelope.message for envelope in run.envelopes if isinstance(envelope.message, RunStart)), None)
    if start is None:
        raise StudyError(f"The journal {run.paths.journal} has no beginning; use a whole record.")
    return start


def refuse_blind(run: RecordedRun) -> None:
    """Nothing may be learned of a participant's own values while what was shown beside them is sealed.

    Raises
    ------
    StudyError : it is a feedback run of a blind study.
    """
    start = start_of(run)
    if start.blind and start.run_kind == "feedback":
        raise StudyError(f"{run.entities.label} is a blind feedback run, whose own values are sealed; take a run without feedback.")


def recompute(run: RecordedRun, materials: Materials) -> Recomputed:
    """Every recorded volume through the critical path, with ``materials`` in place of what the run had.

    Raises
    ------
    StudyError : the record holds no usable volume, or the study does not fit it.
    """
    study, kind, decisions = run.study, start_of(run).run_kind, decisions_of(run.envelopes)
    setup: Setup | None = None
    waiting: list[Volume | Missing] = []
    paused_by: frozenset[str] = frozenset()
    messages: list[VolumeMessage] = []
    for item in run.volumes():
        for message in decisions.before.get(item.index, ()):
            paused_by = paused_after(paused_by, message)
        waiting.append(item)
        if setup is None and isinstance(item, Volume):
            setup, state = begin(study, kind, materials, item)
        if setup is not None:
            for each in waiting:
                state, told = _one(setup, state, each, bool(paused_by))
                messages.append(told)
            waiting = []
    if setup is None or state.standing is None:
        raise StudyError(f"{run.entities.label} holds no volume that shows a head; nothing can be learned from it.")
    return Recomputed(run, setup, state, state.standing, tuple(messages))


def _one(setup: Setup, state: State, item: Volume | Missing, paused: bool) -> tuple[State, VolumeMessage]:
    try:
        return step(setup, state, item, paused, time.perf_counter)
    except VolumeError as error:
        return step(setup, state, Missing(item.index, str(error)), paused, time.perf_counter)


def realigned(gone_over: Recomputed, onto: Grid, session: RigidTransform | None) -> Iterator[tuple[int, Image]]:
    """Every volume in the fit, (index, float32 image on ``onto``), in order; ``session`` leads from there to the run's own reference."""
    order, found = gone_over.setup.order, _transforms(gone_over, session)
    for volume in gone_over.run.raw.read(found):
        if volume is not None:
            yield volume.index, reslice(prefilter(volume.data, order), onto, found[volume.index], volume.grid, order)


def always_covered(gone_over: Recomputed, onto: Grid, session: RigidTransform | None) -> Mask:
    """Where every volume in the fit has data on ``onto``, bool (X, Y, Z): beyond the outermost slices ``realigned`` has zeros."""
    where = np.ones(onto.shape, dtype=np.bool_)
    for transform in _transforms(gone_over, session).values():
        where &= covered(onto, transform, gone_over.setup.grid)
    return where


def _transforms(gone_over: Recomputed, session: RigidTransform | None) -> dict[int, RigidTransform]:
    """Where the head lies in each volume in the fit, by its number, in order."""
    centre_mm, used = gone_over.standing.reference.centre_mm, gone_over.used
    found = {}
    for message in gone_over.messages[: gone_over.count]:
        if used[message.index] and message.motion is not None:
            own = RigidTransform(message.motion.trans_mm, message.motion.rot_rad, centre_mm)
            found[message.index] = own if session is None else own.after(session)
    return found
