"""What aftercare is told: once what stays, then each volume number after it was published and kept. Never before, and never in its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rtfmri.aftercare.job import AftercareJob, Notice, RawFile
from rtfmri.engine.keeping import Keeping
from rtfmri.messages import VolumeMessage
from rtfmri.pipeline import Setup, Standing, State
from rtfmri.pipeline.reference import voxels_on_run
from rtfmri.record.layout import RunPaths
from rtfmri.rigid import RigidTransform


class Care(Protocol):
    """The aftercare process, seen from here; neither call waits."""

    def begin(self, job: AftercareJob) -> None: ...
    def volume(self, notice: Notice) -> None: ...


@dataclass(frozen=True)
class Following:
    """Joins one run to its aftercare."""

    paths: RunPaths
    keeping: Keeping
    care: Care

    def begin(self, setup: Setup, standing: Standing) -> None:
        """The run has its reference."""
        self.care.begin(
            AftercareJob(
                study=setup.study,
                plan=setup.plan,
                blocks=setup.blocks,
                tr_s=setup.tr_s,
                raw=RawFile(self.paths.bold_growing.resolve(), self.keeping.data_offset, setup.grid),
                reference_grid=setup.grid,
                reference=standing.image.data,
                mask=standing.reference.mask,
                rois={roi.name: voxels_on_run(setup, standing, roi) for roi in setup.rois},
                folder=self.paths.folder.resolve(),
                label=self.paths.entities.label,
            )
        )

    def volume(self, setup: Setup, state: State, message: VolumeMessage) -> None:
        self.care.volume(notice_of(setup, state, message))


def notice_of(setup: Setup, state: State, message: VolumeMessage) -> Notice:
    """Where the head lay and the volume's row of the regions' own design, so that the map is made with the same model."""
    index, motion, observations = message.index, message.motion, state.signal.observations
    planned = index < setup.planned
    transform = None
    if motion is not None and motion.converged and state.standing is not None:
        transform = RigidTransform(motion.trans_mm, motion.rot_rad, state.standing.reference.centre_mm)
    row = tuple(float(value) for value in observations.columns[:, index]) if planned else ()
    return Notice(index, transform, row, planned and bool(observations.used[index]))
