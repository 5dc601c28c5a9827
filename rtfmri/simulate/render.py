"""Scenario -> a folder of DICOM files and the truth about them; everything is made before a run starts.

``dicoms/`` holds the files of the scenario's flavour, ``files.tsv`` their volumes and order, ``truth/`` what ``truth.py`` says,
``physio.tsv.gz`` belt and pulse. The same scenario gives the same bytes. Measuring (which takes nearly all the time) runs in threads,
volume by volume; noise is added and files are written in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.simulate import motion, noise
from rtfmri.simulate.epi import measure
from rtfmri.simulate.flavours import WRITERS
from rtfmri.simulate.physio import write_body
from rtfmri.simulate.response import region_response
from rtfmri.simulate.scanner import write_list
from rtfmri.simulate.scenario import Plan, Scenario, plan_run
from rtfmri.simulate.series import MAX_PIXEL, DicomFile, Pixels, Series
from rtfmri.simulate.setup import BRAIN_MEAN, Mask, Setup, set_up, write_rois
from rtfmri.simulate.truth import Truth, weighted, write_image, write_truth
from rtfmri.volume import Array, Grid, Image

THREADS = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Rendering:
    """A rendered run: its folder, and its files in the order in which the scanner makes them."""

    folder: Path
    dicoms: tuple[Path, ...]
    tr_s: float
    grid: Grid
    truth: Truth


def render(scenario: Scenario, folder: Path, progress: Progress | None = None) -> Rendering:
    """Render the whole run into ``folder`` (made where it is not there); ``progress`` is told (volumes done, of how many).

    Raises
    ------
    StudyError : the study does not fit the scenario, ``folder`` already holds files of a run, or it cannot be written.
    """
    plan = plan_run(scenario)
    dicoms, truth_folder = folder / "dicoms", folder / "truth"
    try:
        for path in (dicoms, truth_folder):
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise StudyError(f"{path} already holds files; give a folder that is new or empty.")
        setup = set_up(scenario)
        return _render(scenario, plan, setup, folder, progress)
    except OSError as error:
        raise StudyError(f"The simulated run cannot be written to {error.filename or folder} ({error.strerror}).") from None


def _render(scenario: Scenario, plan: Plan, setup: Setup, folder: Path, progress: Progress | None) -> Rendering:
    active = _activation_per_percent(setup)
    responses = {
        name: region_response(plan.blocks, amplitudes, plan.n_volumes, scenario.tr_s)
        for name, amplitudes in scenario.amplitudes_percent.items()
    }
    truth = _truth(scenario, plan, setup, active, responses)
    _write_truth(folder / "truth", truth, scenario, setup)
    write_body(folder, scenario, plan.n_volumes, plan.blocks)
    clean = _measured(setup, truth.motion, active, responses)
    series, written = _series(scenario, plan, setup.epi.grid), []
    for index, pixels in enumerate(_recorded(scenario, plan, clean, setup)):
        files = WRITERS[scenario.flavour](pixels, series, index)
        _write_files(folder / "dicoms", files)
        written += [(file.volume, file.name) for file in files]
        if progress:
            progress(index + 1, plan.n_volumes)
    write_list(folder, written)
    return Rendering(folder, tuple(folder / "dicoms" / name for _, name in written), scenario.tr_s, setup.epi.grid, truth)


def _series(scenario: Scenario, plan: Plan, grid: Grid) -> Series:
    times_s = noise.slice_times_s(scenario.shape[2], scenario.tr_s, scenario.multiband)
    return Series(grid, scenario.tr_s, times_s, scenario.protocol, scenario.series_number, scenario.seed, plan.n_volumes)


def _write_files(folder: Path, files: list[DicomFile]) -> None:
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)


def _activation_per_percent(setup: Setup) -> dict[str, Image]:
    """Per region the coefficients that, added to the head, raise the mean of the region's own mask by one percent."""
    return {
        name: np.asarray(setup.head.activation[name] / _percent(setup, mask, setup.head.activation[name]), dtype=np.float32)
        for name, mask in setup.rois.items()
    }


def _percent(setup: Setup, mask: Mask, activation: Image) -> float:
    """By how many percent the mean of ``mask`` rises when ``activation`` is added to the still head."""
    image = measure(setup.head.signal + activation, setup.where, setup.head.to_scanner, np.eye(4), setup.epi) * np.float32(setup.gain)
    inside = mask > 0
    return 100 * (float(image[inside].mean(dtype=float)) / float(setup.still[inside].mean(dtype=float)) - 1)


def _truth(scenario: Scenario, plan: Plan, setup: Setup, active: dict[str, Image], responses: dict[str, Array]) -> Truth:
    """What each mask would show: the measurement is linear in the activation, so unit activations measured once are enough."""
    percent = {
        name: np.sum([_percent(setup, mask, active[source]) * responses[source] for source in active], axis=0)
        for name, mask in setup.rois.items()
    }
    return Truth(percent, weighted(percent, plan), motion.matrices(scenario, plan.n_volumes, plan.reference, plan.blocks), plan.reference)


def _write_truth(folder: Path, truth: Truth, scenario: Scenario, setup: Setup) -> None:
    write_truth(folder, truth, scenario)
    write_image(folder / "brain.nii.gz", setup.brain, setup.epi.grid)
    write_image(folder / "reference.nii.gz", np.abs(setup.still), setup.epi.grid)
    write_rois(folder, setup)


def _measured(setup: Setup, matrices: Array, active: dict[str, Image], responses: dict[str, Array]) -> Iterator[Image]:
    """Every volume without noise, (X, Y, Z): the head, as active and as far moved as it then is."""

    def one(index: int) -> Image:
        coefficients = setup.head.signal.copy()
        for name, activation in active.items():
            coefficients += np.float32(responses[name][index]) * activation
        return measure(coefficients, setup.where, setup.head.to_scanner, matrices[index], setup.epi) * np.float32(setup.gain)

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(one, range(len(matrices)))


def _recorded(scenario: Scenario, plan: Plan, clean: Iterator[Image], setup: Setup) -> Iterator[Pixels]:
    """Every volume as it is stored: with drift, physiology, spikes and thermal noise, in whole numbers."""
    sigma = noise.thermal_sigma(scenario.noise, BRAIN_MEAN)
    physiology = noise.physiology(scenario, plan.n_volumes, setup.fluid, plan.blocks)
    disturbed = zip(clean, noise.drift(scenario, plan.n_volumes), physiology, strict=True)
    for index, (image, gain, fraction) in enumerate(disturbed):
        spikes = tuple(spike for spike in scenario.spikes if spike.volume == index)
        signal = noise.spoil(image * gain * (1 + fraction), spikes)
        stored = noise.magnitude(signal, sigma, np.random.default_rng([scenario.seed, 6, index]))
        yield np.clip(np.rint(stored), 0, MAX_PIXEL).astype(np.uint16)
