"""A linear decoder as a measure: the contract of its files, and a volume's decision value.

Two files of one name: ``NAME.nii.gz``, the weights on the run's grid (a voxel with weight 0 or NaN has no part), and ``NAME.json``:

    {"format": "rtfmri-decoder", "version": 1,
     "intercept": 0.12,       of the decision function
     "mean": 0.0,             subtracted from a decision value (0: the class boundary is the neutral point)
     "spread": 1.31,          standard deviation of the training data's decision values; above 0
     "classes": ["rest", "self_compassion"], "trained_on": ["sub-07_ses-01_task-nf_run-01"],
     "preprocessing": {"units": "percent_of_reference", "baseline": "preceding_rest", "nuisance": ["drift", "motion6"],
                       "smooth_fwhm_mm": 0}}

The decision of a volume is sum_v w_v p_v + intercept, where p_v is the voxel's change against the preceding rest's baseline window in
percent of its value in the reference volume, nuisance taken out with the regression of the run. As all of this is linear, the stream
computes d_t = sum_v w_v 100 x_v,t / R_v for each volume and treats d as one more series of its fit: cleaning, baseline, filter and
standard error are those of a region, exactly. The value is (decision - mean) / spread. A study whose nuisance differs from the
training's is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.kernels import kernel
from rtfmri.volume import Array, Grid

FORMAT, VERSION = "rtfmri-decoder", 1
UNITS, BASELINE = "percent_of_reference", "preceding_rest"
DARK = 0.1  # of the reference's median over the decoder's voxels: below it a voxel has no signal
LOST = 0.1  # of all weight, in dark voxels: above it the decoder is refused


@dataclass(frozen=True, eq=False)
class Decoder:
    voxels: npt.NDArray[np.intp]  # (V, 3) of the run's grid
    weights: Array  # (V,) per percent
    intercept: float
    mean: float
    spread: float

    @property
    def reach(self) -> float:
        """How large the decision becomes where each voxel has 1 percent of its own."""
        return float(np.sqrt((self.weights * self.weights).sum()))


def decoder_from_map(
    name: str, weights: Array, grid: Grid, run_grid: Grid, sidecar: Mapping[str, Any], nuisance: tuple[str, ...]
) -> Decoder:
    """The decoder in a weight map (X, Y, Z) and the JSON beside it.

    Raises
    ------
    StudyError : the map is on another grid or empty, or the JSON does not keep the contract above; all problems at once.
    """
    problems = _problems_of(sidecar, nuisance)
    if weights.shape != run_grid.shape or not grid.difference_mm(run_grid) <= 0.1:
        problems.append("its map is not on this run's grid; train it on runs of this protocol and position, or resample it")
    voxels = np.argwhere(np.isfinite(weights) & (weights != 0.0))
    if not len(voxels):
        problems.append("its map holds no weight but 0")
    if problems:
        raise StudyError(*(f"decoder {name}: {problem}." for problem in problems))
    picked = weights[voxels[:, 0], voxels[:, 1], voxels[:, 2]].astype(np.float64)
    return Decoder(voxels, picked, float(sidecar["intercept"]), float(sidecar["mean"]), float(sidecar["spread"]))


def _problems_of(sidecar: Mapping[str, Any], nuisance: tuple[str, ...]) -> list[str]:
    if sidecar.get("format") != FORMAT or sidecar.get("version") != VERSION:
        return [f"the JSON beside its map is no {FORMAT} of version {VERSION}; train it with rtfmri train"]
    problems = [f"{name} is no number in its JSON" for name in ("intercept", "mean", "spread") if not _is_number(sidecar.get(name))]
    if _is_number(sidecar.get("spread")) and not sidecar["spread"] > 0:
        problems.append("spread must be above 0 in its JSON")
    done = sidecar.get("preprocessing", {})
    if done.get("units") != UNITS or done.get("baseline") != BASELINE or done.get("smooth_fwhm_mm", 0):
        problems.append(f"it was trained on other data than the stream has (units {UNITS}, baseline {BASELINE}, not smoothed)")
    if set(done.get("nuisance", ())) != set(nuisance):
        trained = ", ".join(done.get("nuisance", ())) or "none"
        problems.append(
            f"it was trained with nuisance {trained}, the study has {', '.join(nuisance) or 'none'}; train it anew or use the same"
        )
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def calibrated(decoder: Decoder, reference: Array) -> Array:
    """Weights (V,) for raw voxel values, from the reference volume's values at the decoder's voxels; voxels without signal get none.

    Raises
    ------
    StudyError : too much of the decoder's weight lies where the reference has no signal.
    """
    light = np.isfinite(reference) & (reference > DARK * np.nanmedian(reference)) & (reference > 0.0)
    lost = float(np.abs(decoder.weights[~light]).sum() / np.abs(decoder.weights).sum())
    if lost > LOST:
        raise StudyError(
            f"decoder: {100 * lost:.0f} % of its weight lies where this participant's reference has no signal; "
            "check that the map is this participant's, or train it within the brain mask."
        )
    return np.where(light, 100.0 * decoder.weights / np.where(light, reference, 1.0), 0.0)


def project(calibrated_weights: Array, values: Array) -> float:
    """d_t of a volume from its voxel values (V,), summed in voxel order: ``Sample.decoder``."""
    return float(_sum_of_products(calibrated_weights, np.asarray(values, dtype=np.float64)))


@kernel
def _sum_of_products(weights: Array, values: Array) -> float:
    total = 0.0
    for voxel in range(values.size):
        if weights[voxel] != 0.0:
            total += weights[voxel] * values[voxel]
    return total
