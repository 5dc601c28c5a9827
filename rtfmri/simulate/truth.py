"""What really happened in a rendered run, written beside its files and read back by whoever judges an estimate.

``truth/`` holds ``motion.npy`` ((N, 4, 4), reference volume -> volume i, RAS+ mm, pull; the reference is the first volume after the
dummies), ``rois.tsv`` (per volume and region the signal change in percent of rest that the mask's mean would show without motion, noise
and drift, and the study's weighted sum of them, ``regulation``), ``spikes.tsv``, ``reference.nii.gz`` (the reference volume without
noise), ``brain.nii.gz`` and ``roi_<name>.nii.gz`` (masks on the run's grid, storage order of ``rtfmri/volume.py``), ``scenario.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.simulate.scenario import Plan, Scenario
from rtfmri.volume import Array, Grid


@dataclass(frozen=True, eq=False)
class Truth:
    """N volumes: ``percent`` per region (N,), ``regulation`` (N,), ``motion`` (N, 4, 4); ``reference`` is a volume's index."""

    percent: dict[str, Array]
    regulation: Array
    motion: Array
    reference: int


def write_truth(folder: Path, truth: Truth, scenario: Scenario) -> None:
    """Write tables and matrices into ``folder``; images come by ``write_image``."""
    np.save(folder / "motion.npy", truth.motion)
    columns = {**truth.percent, "regulation": truth.regulation}
    rows = ["\t".join(["index", *columns])]
    rows += ["\t".join([str(index), *(f"{column[index]:.6f}" for column in columns.values())]) for index in range(len(truth.regulation))]
    (folder / "rois.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    spikes = ["index\tkind\tpercent", *(f"{spike.volume}\t{spike.kind}\t{spike.percent:g}" for spike in scenario.spikes)]
    (folder / "spikes.tsv").write_text("\n".join(spikes) + "\n", encoding="utf-8")
    plain = scenario.model_copy(update={"study": Path(scenario.study.name)})  # where it lay on this computer is nobody's concern
    (folder / "scenario.json").write_text(plain.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "reference.txt").write_text(f"{truth.reference}\n", encoding="utf-8")


def read_truth(rendered: Path) -> Truth:
    """The truth of a rendered run.

    Raises
    ------
    StudyError : ``rendered`` holds no truth.
    """
    folder = rendered / "truth"
    if not (folder / "rois.tsv").is_file():
        raise StudyError(f"{rendered} is not a rendered run: {folder / 'rois.tsv'} is not there.")
    header, *rows = (folder / "rois.tsv").read_text(encoding="utf-8").splitlines()
    table = np.array([[float(cell) for cell in row.split("\t")] for row in rows])
    columns = {name: table[:, number] for number, name in enumerate(header.split("\t"))}
    regulation = columns.pop("regulation")
    del columns["index"]
    reference = int((folder / "reference.txt").read_text(encoding="utf-8"))
    return Truth(columns, regulation, np.load(folder / "motion.npy"), reference)


def weighted(percent: dict[str, Array], plan: Plan) -> Array:
    """The study's regulation value from the regions' signal changes."""
    total: Array = np.sum([weight * percent[name] for name, weight in plan.weights.items()], axis=0)
    return total


def write_image(path: Path, image: npt.NDArray[np.generic], grid: Grid) -> None:
    """A NIfTI of (X, Y, Z) in scanner space."""
    nifti = nib.Nifti1Image(image, grid.affine)
    nifti.set_sform(grid.affine, code=1)
    nifti.set_qform(grid.affine, code=1)
    nifti.header.set_xyzt_units("mm", "sec")
    nib.save(nifti, path)
