"""Small runs for aftercare's tests: a moving head with a known response, its raw file as the engine writes it, its notices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtfmri.aftercare.job import AftercareJob, Notice, RawFile
from rtfmri.paradigm import planned_volumes
from rtfmri.rigid import RigidTransform
from rtfmri.signals.plan import plan_signal
from rtfmri.study import Study, parse_study
from rtfmri.volume import Grid

TR_S = 2.0
SHAPE = (18, 20, 12)
DATA_OFFSET = 352 + 64
CYCLE = [{"block": "rest", "s": 30}, {"block": "push", "s": 30}, {"block": "rest", "s": 30}, {"block": "pull", "s": 30}]


def a_study(contrasts=(), **aftercare) -> Study:
    return parse_study(
        {
            "study": {"name": "test"},
            "acquisition": {"dummies": 3},
            "roi": [{"name": "left_hand", "sphere_mni_mm": [0, 0, 0], "weight": 1.0}],
            "paradigm": {"cycle": CYCLE, "repeat": 1, "final_rest_s": 30},
            "contrast": list(contrasts),
            "aftercare": aftercare,
        },
        Path("."),
    )


@dataclass(frozen=True, eq=False)
class Run:
    job: AftercareJob
    images: list  # float32 (X, Y, Z), None where missing
    notices: list[Notice]

    def write_raw(self, volumes: int | None = None) -> None:
        """As the engine leaves it: zeros where a volume is missing."""
        content = bytearray(b"\1" * DATA_OFFSET)
        for image in self.images[:volumes]:
            content += (np.zeros(SHAPE, np.float32) if image is None else image).tobytes(order="F")
        self.job.raw.path.write_bytes(content)


def a_run(folder: Path, study: Study | None = None, missing=(40,), flagged=(31, 32, 70), move_mm: float = 0.4) -> Run:
    study = study or a_study()
    rng = np.random.default_rng(7)
    affine = np.array([[-3.5, 0.3, 0, 30], [-0.3, -3.5, 0.2, 35], [0, 0.2, 4.0, -20], [0, 0, 0, 1.0]])
    grid = Grid(SHAPE, affine)
    at = np.indices(SHAPE)
    far = sum(((at[axis] - (SHAPE[axis] - 1) / 2) / (0.36 * SHAPE[axis])) ** 2 for axis in range(3))
    head = 1000.0 / (1 + np.exp(8 * (far - 1))) * (1 + 0.2 * np.sin(at[0]) * np.cos(0.7 * at[1] + at[2]))
    mask = far < 1
    blocks = study.blocks(TR_S)
    planned = planned_volumes(blocks, TR_S)
    plan = plan_signal(study, blocks, TR_S, planned)
    motion = np.cumsum(rng.standard_normal((planned, 6)), axis=0) * np.array([1, 1, 1, 0.01, 0.01, 0.01]) * move_mm / 10
    roi = np.argwhere(mask & (far < 0.25))
    images, notices = [], []
    for index in range(planned):
        task = plan.design[plan.tasks, index].sum()
        image = head + 0.03 * head * (far < 0.25) * task + 15 * rng.standard_normal(SHAPE)
        transform = RigidTransform(tuple(motion[index, :3]), tuple(motion[index, 3:]), (1.0, 2.0, 3.0))
        row = plan.design[:, index].copy()
        row[plan.motion] = motion[index]
        gone = index in missing
        images.append(None if gone else np.maximum(image, 1.0).astype(np.float32))
        usable = not gone and index not in flagged and index >= plan.dummies
        notices.append(Notice(index, None if gone or index < plan.dummies else transform, tuple(float(v) for v in row), usable))
    raw = RawFile(folder / "raw_bold.nii", DATA_OFFSET, grid)
    job = AftercareJob(
        study=study,
        plan=plan,
        blocks=blocks,
        tr_s=TR_S,
        raw=raw,
        reference_grid=grid,
        reference=head.astype(np.float32),
        mask=mask,
        rois={"left_hand": roi},
        folder=folder / "derivatives",
        label="sub-01_ses-01_task-test_run-01",
    )
    return Run(job, images, notices)


def with_folder(run: Run, folder: Path) -> Run:
    return replace(run, job=replace(run.job, folder=folder))
