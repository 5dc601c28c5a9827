"""A recorded run for the verbs that learn from one: the phantom of sim_data/small with four blocks, in wide anatomical regions."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

from rtfmri.cli.replaying import replay_source
from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import load_scenario

SIM_DATA = Path(__file__).parents[2] / "sim_data"
REGIONS = ("dlpfc", "tpj")
WIDER = 2  # voxels around the region that is active
AMPLITUDES = {"dlpfc": (1.6, 1.0, 1.2, 1.8), "tpj": (-1.2, -0.8, -1.0, -1.4)}


@dataclass(frozen=True)
class Learned:
    """``dataset`` with one recorded run; the study that it was recorded with; the phantom's own regions, bool (X, Y, Z)."""

    dataset: Path
    study: Path
    rendering: Rendering
    active: dict[str, np.ndarray]
    folder: Path  # of the run's derivatives


@functools.cache
def learned_run(base: Path) -> Learned:
    """Rendered and recorded once for all tests of the process."""
    base = base / "learned_run"
    base.mkdir()
    small = (SIM_DATA / "small_study.toml").read_text().replace("repeat = 2", "repeat = 4").replace('name = "small"', 'name = "learn"')
    own = base / "own.toml"
    own.write_text(small.replace('"small/', f'"{SIM_DATA}/small/'))
    active, wide = {}, base / "wide.toml"
    for name in REGIONS:
        image = nibabel.load(SIM_DATA / "small" / f"roi_{name}.nii.gz")
        active[name] = np.asarray(image.dataobj) > 0
        mask = ndimage.binary_dilation(active[name], iterations=WIDER)
        nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), image.affine), base / f"roi_{name}.nii.gz")
    wide.write_text(small.replace('"small/', '"'))
    scenario = load_scenario(SIM_DATA / "small_scenario.toml")
    rendering = render(scenario.model_copy(update={"study": own, "seed": 12, "amplitudes_percent": AMPLITUDES}), base / "scanner")
    dataset = base / "dataset"
    assert replay_source(rendering.folder / "dicoms", wide, "max", dataset, False, None, None, ("07", "01", None), None) == 0
    (journal,) = dataset.rglob("*_journal.jsonl")
    return Learned(dataset, wide, rendering, active, journal.parent)


def recorded_with(rendering: Rendering, study: Path, out: Path) -> Path:
    """The same files recorded with another study: the dataset."""
    assert replay_source(rendering.folder / "dicoms", study, "max", out, False, None, None, ("07", "02", None), None) == 0
    return out
