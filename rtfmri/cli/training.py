"""``rtfmri train``: a linear decoder from recorded runs, as a weight map and the JSON beside it that the stream reads.

All runs are brought to the image that the first run's regions lie on; runs of the same participant whose head lay elsewhere are found
there once (``registration/session.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from rtfmri.cli.recomputing import Recomputed, always_covered, realigned, recompute, refuse_blind
from rtfmri.cli.wiring import bar
from rtfmri.engine.materials import read_materials
from rtfmri.errors import StudyError
from rtfmri.pipeline import GridImage, warm_up
from rtfmri.pipeline.step import SAME_GRID_MM
from rtfmri.preparation.training import Trained, sidecar_of, train
from rtfmri.preparation.training_examples import Examples, VoxelRun, examples_of
from rtfmri.record.durable import write_json
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.references import load_image, save_images
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import Mask
from rtfmri.registration.realign import Reference, prepare
from rtfmri.registration.reslice import covered, reslice
from rtfmri.registration.session import register_once
from rtfmri.rigid import RigidTransform
from rtfmri.signals.measures.decoder import DARK
from rtfmri.signals.rois import INSIDE
from rtfmri.volume import Grid, Image

BRAIN = "brain"


@dataclass(frozen=True)
class Wish:
    """What is to be told apart, in which voxels: ``mask`` is ``brain``, a region or a NIfTI; of them the ``voxels`` that differ most.
    Without ``plus`` it is the first run's only kind of regulation block."""

    plus: str | None
    minus: str
    mask: str
    voxels: int


@dataclass(frozen=True, eq=False)
class Target:
    """Where the decoder will live: the first run's image, and the reference that other runs' heads are found by."""

    image: GridImage
    reference: Reference


def train_decoder(sources: tuple[Path, ...], out: Path, wish: Wish) -> int:
    """Train, write, say how well it does.

    Raises
    ------
    StudyError : a run cannot be read, does not go with the others, or there are too few blocks; the map or mask is not as it must be.
    """
    if not out.name.endswith(".nii.gz"):
        raise StudyError(f"--out {out}: a decoder is a NIfTI weight map; give a name that ends in .nii.gz.")
    console, aside = Console(), Console(stderr=True)
    with aside.status("going over the recorded runs"):
        gone_over = tuple(_gone_over(source) for source in sources)
        _refuse_unlike(gone_over)
        examples, mask, (minus, plus) = _examples(gone_over, wish)
    with bar(aside) as progress:
        task = progress.add_task("judging by permutation", total=None)
        trained = train(examples, wish.voxels, lambda done, of: progress.update(task, completed=done, total=of))
    names = tuple(each.run.entities.label for each in gone_over)
    _write(out, gone_over[0], mask, trained, (minus, plus), names)
    console.print(
        f"Decoder {plus} - {minus}: {int((trained.weights != 0).sum())} of {trained.weights.size} voxels, {trained.volumes} volumes "
        f"of {len(names)} run{'s' if len(names) > 1 else ''}.",
        soft_wrap=True,
    )
    console.print(trained.verdict, soft_wrap=True)
    console.print(f"Written: {out}, {_json_of(out).name} and {_reference_path(out).name}, the image that it lies on.", soft_wrap=True)
    console.print("Do not test it on the runs that it was trained on.", soft_wrap=True)
    return 0


def _gone_over(source: Path) -> Recomputed:
    run = RecordedRun.open(source)
    refuse_blind(run)
    warm_up(run.study.registration.order)
    return recompute(run, read_materials(run.study))


def _refuse_unlike(runs: tuple[Recomputed, ...]) -> None:
    first = runs[0].setup
    problems = []
    for each in runs[1:]:
        label = each.run.entities.label
        if set(each.setup.study.signal.nuisance) != set(first.study.signal.nuisance):
            problems.append(f"{label} has another nuisance than the first run; a decoder needs the same in all runs.")
        if each.run.entities.sub != runs[0].run.entities.sub:
            problems.append(f"{label} is of another participant than the first run; train on one participant's runs.")
    if problems:
        raise StudyError(*problems)


def _examples(runs: tuple[Recomputed, ...], wish: Wish) -> tuple[Examples, Mask, tuple[str, str]]:
    """The examples in the voxels of a mask (X, Y, Z), and the classes."""
    image = runs[0].image
    target = Target(image, prepare(image.data, image.grid, runs[0].head))
    sessions = [runs[0].session, *(_session(target, each) for each in runs[1:])]
    references = [_reference_of(each, target, session) for each, session in zip(runs, sessions, strict=True)]
    triples = tuple(zip(runs, sessions, references, strict=True))
    mask = _mask(runs[0], wish.mask)
    for each, session, reference in triples:
        mask = mask & always_covered(each, image.grid, session) & _light(reference, runs[0].head)
    if not mask.any():
        raise StudyError(f"--mask {wish.mask}: none of its voxels has signal in all runs; check that it lies on the first run's image.")
    voxels = tuple(_voxel_run(each, session, reference, mask, image.grid) for each, session, reference in triples)
    plus = wish.plus or _only_task(runs[0])
    return examples_of(voxels, plus, wish.minus), mask, (wish.minus, plus)


def _light(reference: Image, head: Mask) -> Mask:
    """Voxels whose signal is not lost in a run's reference; a dropout's percent would be noise."""
    light: Mask = np.isfinite(reference) & (reference > DARK * float(np.median(reference[head])))
    return light


def _only_task(run: Recomputed) -> str:
    names = dict.fromkeys(block.name for block in run.setup.blocks if block.role == "regulate")
    if len(names) != 1:
        raise StudyError(f"The study has {len(names)} kinds of regulation blocks ({', '.join(names)}); name one with --plus.")
    return next(iter(names))


def _session(target: Target, run: Recomputed) -> RigidTransform | None:
    """From the target to the run's own reference."""
    same = run.image.grid.difference_mm(target.image.grid) < SAME_GRID_MM and np.array_equal(run.image.data, target.image.data)
    if same:
        return run.session
    own = run.standing
    return register_once(target.reference, target.image.data, prefilter(own.image.data), own.image.grid).transform


def _reference_of(run: Recomputed, target: Target, session: RigidTransform | None) -> Image:
    """The run's own reference where the decoder will live; zero where it does not reach."""
    own, grid = run.standing.image, target.image.grid
    transform = session or RigidTransform(centre_mm=run.standing.reference.centre_mm)
    there = covered(grid, transform, own.grid)
    order = run.setup.order
    return np.where(there, reslice(prefilter(own.data, order), grid, transform, own.grid, order), np.float32(0.0))


def _mask(run: Recomputed, wish: str) -> Mask:
    """The voxels that a decoder may use, on the first run's image."""
    if wish == BRAIN:
        return run.head
    region = next((roi for roi in run.setup.rois if roi.name == wish), None)
    grid = run.image.grid
    if region is not None:
        mask = np.zeros(grid.shape, dtype=np.bool_)
        mask[tuple(region.voxels.T)] = True
        return mask
    if not Path(wish).is_file():
        regions = ", ".join(roi.name for roi in run.setup.rois)
        raise StudyError(f"--mask {wish} is neither {BRAIN}, nor a region of the study ({regions}), nor a file.")
    data, own_grid = load_image(Path(wish))
    if own_grid.difference_mm(grid) > SAME_GRID_MM:
        raise StudyError(f"--mask {wish} does not lie on the grid of the first run's image; resample it (nearest neighbour).")
    return np.asarray(np.nan_to_num(data) >= INSIDE, dtype=np.bool_)


def _voxel_run(run: Recomputed, session: RigidTransform | None, reference: Image, mask: Mask, grid: Grid) -> VoxelRun:
    """The run's volumes in the fit, in percent of its reference, in the mask's voxels."""
    scale = (100.0 / reference[mask]).astype(np.float32)
    pairs = [(index, image[mask] * scale) for index, image in realigned(run, grid, session)]
    return VoxelRun(
        name=run.run.entities.label,
        plan=run.setup.plan,
        blocks=run.setup.blocks,
        design=run.state.signal.observations.columns,
        indices=np.array([index for index, _ in pairs], dtype=np.intp),
        percent=np.array([values for _, values in pairs], dtype=np.float32),
    )


def _write(out: Path, first: Recomputed, mask: Mask, trained: Trained, classes: tuple[str, str], runs: tuple[str, ...]) -> None:
    weights = np.zeros(mask.shape, dtype=np.float32)
    weights[mask] = trained.weights
    save_images({out: weights, _reference_path(out): first.image.data}, first.image.grid)
    nuisance = first.setup.study.signal.nuisance
    try:
        write_json(_json_of(out), sidecar_of(trained, classes, runs, nuisance))
    except OSError as error:
        raise StudyError(f"{_json_of(out)} cannot be written ({error.strerror}); free some space or choose another folder.") from None


def _reference_path(out: Path) -> Path:
    """The image that the map lies on: later runs find the head by it."""
    return out.with_name(f"{out.name.removesuffix('.nii.gz')}_boldref.nii.gz")


def _json_of(out: Path) -> Path:
    return out.with_name(out.name.removesuffix(".nii.gz") + ".json")
