"""Random runs of a scanner that misbehaves, and what intake may make of them; shared by the suite and the benchmark.

A run is rendered once for each flavour (tiny images) and planned with the case's faults. What is demanded of intake follows from the plan
alone (``complaints``): when each slice of each volume was whole on disk, at the earliest and at the latest, and what was written there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from hypothesis import strategies as st

from rtfmri.simulate.changes import content_of
from rtfmri.simulate.faults import FAULTS, Delivery, Fault
from rtfmri.simulate.flavours import WRITERS, Flavour
from rtfmri.simulate.plan import Action, Publish, Rename, plan_scan
from rtfmri.simulate.series import DicomFile, Series
from rtfmri.simulate.slices import PHILIPS_SCALE
from rtfmri.volume import Grid, Missing, SourceItem, Volume

SHAPE = (24, 20, 3)
TIMES_TR = (0.0, 0.6, 0.3)  # when each slice is acquired
MISSING_AFTER_TR = 0.5
POLL_S, SETTLE_S, STALLED_S = 0.15, 0.05, 5.0
SLACK_S = POLL_S + 3 * SETTLE_S  # a listing, two looks, and one more where the first found the file too short
PER_STORED = {"philips": 1 / PHILIPS_SCALE}

Told = list[tuple[float, SourceItem]]  # what intake delivered, and when: seconds since the run's start


@dataclass(frozen=True)
class Case:
    """One run; ``events``: whether the system tells of files, or intake has to look for them."""

    flavour: Flavour
    volumes: int
    faults: tuple[Fault, ...] = ()
    publish: Publish = "write"
    events: bool = True
    seed: int = 0
    tr_s: float = 1.0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any combination of up to five faults."""
    volumes = draw(st.integers(5, 10))
    fault = st.builds(
        Fault,
        kind=st.sampled_from(sorted(FAULTS.keys() - {"restart_in_series"})),  # only by itself: without its first volume nobody can tell
        volume=st.integers(0, volumes - 1),
        by_tr=st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.0, 1.7, 2.5, 4.0]),
    )
    return Case(
        draw(st.sampled_from(sorted(WRITERS))),
        volumes,
        tuple(draw(st.lists(fault, min_size=1, max_size=5))),
        draw(st.sampled_from(["write", "rename"])),
        draw(st.booleans()),
        draw(st.integers(0, 99)),
    )


def tilted_grid() -> Grid:
    """Slices turned about the ear-to-ear axis, voxels of three different sizes."""
    cos, sin = np.cos(0.2), np.sin(0.2)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[-1, 0, 0], [0, cos, -sin], [0, sin, cos]]) * (3.0, 3.5, 4.0)
    affine[:3, 3] = (33.0, -31.0, 5.0)
    return Grid(SHAPE, affine)


@cache
def rendered(flavour: Flavour, volumes: int, tr_s: float) -> dict[str, DicomFile]:
    """The files of a run of noise, by name, in order; no two volumes or slices are alike."""
    times_s = tuple(fraction * tr_s for fraction in TIMES_TR)
    series = Series(tilted_grid(), tr_s, times_s, "bold_nf1", 7, 4, volumes)
    files = [file for index in range(volumes) for file in WRITERS[flavour](_pixels(index), series, index)]
    return {file.name: file for file in files}


def _pixels(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(100, 4000, SHAPE).astype(np.uint16)


def plan_of(case: Case) -> tuple[Action, ...]:
    files = [(file.volume, file.name) for file in files_of(case).values()]
    return plan_scan(files, case.tr_s, case.faults, seed=case.seed, publish=case.publish)


def files_of(case: Case) -> dict[str, DicomFile]:
    """The files that the scanner would write if nothing went wrong."""
    return rendered(case.flavour, case.volumes, case.tr_s)


def bytes_of(case: Case, file: Delivery) -> bytes:
    """What a delivery writes."""
    return _bytes_of(case.flavour, case.volumes, case.tr_s, file, case.seed)


@cache
def _bytes_of(flavour: Flavour, volumes: int, tr_s: float, file: Delivery, seed: int) -> bytes:
    return content_of(file, rendered(flavour, volumes, tr_s)[file.source].content, seed)


@dataclass(frozen=True, eq=False)
class _Copy:
    """One complete file of the run: when its bytes were there at the earliest, and when under their name at the latest."""

    early_s: float
    late_s: float
    pixels: dict[int, np.ndarray]  # by slice, (X, Y), in dcm2niix's scaling


Run = dict[int, list[_Copy]]  # by volume


def complaints(case: Case, delivered: Told, slack_s: float = SLACK_S) -> list[str]:
    """What is wrong with what was ``delivered``, by the plan; ``slack_s`` is how long intake may take to notice a file."""
    verdicts = [_judged(case, run, delivered, slack_s) for run in _runs(case, slack_s) or [{}]]
    return min(verdicts, key=len)


def _runs(case: Case, slack_s: float) -> list[Run]:
    """The copies of each volume, of the series that came first; of several where it is a matter of milliseconds which did."""
    by_series: dict[int, Run] = {}
    for action in plan_of(case):
        if action.whole and "other_series" not in action.file.changes:
            run = by_series.setdefault(action.file.scan, {})
            early_s = action.file.at_s if isinstance(action, Rename) else action.at_s
            run.setdefault(action.file.volume, []).append(_Copy(early_s, action.at_s, _slices_of(case, action.file)))
    first_s = [min(copy.late_s for copies in run.values() for copy in copies) for run in by_series.values()]
    return [run for run in by_series.values() if min(copy.early_s for copies in run.values() for copy in copies) <= min(first_s) + slack_s]


def _slices_of(case: Case, file: Delivery) -> dict[int, np.ndarray]:
    """Decoded without any code of acquisition: pixels lie last in these files."""
    content = bytes_of(case, file)
    nx, ny, nz = SHAPE
    side = math.ceil(math.sqrt(nz))
    tiles = {"mosaic": side * side, "xa_enhanced": nz}.get(case.flavour, 1)
    stored = np.frombuffer(content[-2 * nx * ny * tiles :], "<u2").astype(np.float32) * PER_STORED.get(case.flavour, 1)
    if case.flavour == "mosaic":
        stored = stored.reshape(side, ny, side, nx).transpose(0, 2, 1, 3)
    images = stored.reshape(tiles, ny, nx)[:, ::-1, :].transpose(0, 2, 1)
    if tiles > 1:
        return dict(enumerate(images[:nz]))
    whole = [name for name, one in files_of(case).items() if one.volume == file.volume]
    return {_place(case, file.source, whole): images[0]}


def _place(case: Case, name: str, of_volume: list[str]) -> int:
    """Which slice a file holds: by comparison with the pixels that were rendered."""
    nx, ny, _ = SHAPE
    files = files_of(case)
    stored = np.frombuffer(files[name].content[-2 * nx * ny :], "<u2").reshape(ny, nx)
    pixels = _pixels(files[name].volume)
    return next(z for z in range(SHAPE[2]) if np.array_equal(pixels[:, ::-1, z].T, stored))


@dataclass(frozen=True)
class _When:
    """When a volume was whole, at the earliest and at the latest; infinite: never."""

    early_s: float
    late_s: float


def _judged(case: Case, run: Run, delivered: Told, slack_s: float) -> list[str]:
    answers = [(at_s, item) for at_s, item in delivered if isinstance(item, Volume | Missing)]
    whole = [_when(run.get(index, [])) for index in range(case.volumes)]
    last = max((index for index in range(case.volumes) if whole[index].late_s < math.inf), default=-1)
    numbers = [item.index for _, item in answers]
    if numbers != list(range(len(numbers))) or not last < len(numbers) + 1 <= case.volumes + 1:
        return [f"the volumes 0 to {last} (or more) were to come once, in order, and these came: {numbers}"]
    if last >= len(numbers):
        return [f"volume {last} was whole and did not come: {numbers}"]
    said = []
    until_s = -math.inf
    for at_s, item in answers:
        after = whole[item.index + 1 :]
        due = _When(
            *(min((getattr(w, side) for w in after), default=math.inf) + MISSING_AFTER_TR * case.tr_s for side in ("early_s", "late_s"))
        )
        mine = whole[item.index]
        until_s = max(until_s, min(mine.late_s, due.late_s) + slack_s)
        if at_s > until_s < math.inf:
            said.append(f"{item.index} came at {at_s:.3f} s, and was due at {until_s:.3f} s")
        if isinstance(item, Missing) and mine.late_s + slack_s < due.early_s:
            said.append(f"{item.index} was whole at {mine.late_s:.3f} s, and missing only from {due.early_s:.3f} s: {item.reason}")
        if isinstance(item, Volume):
            said += [] if mine.early_s <= due.late_s + slack_s else [f"{item.index} came after its time"]
            said += _wrong_pixels(item, run.get(item.index, []), slack_s)
    return said


def _when(copies: list[_Copy]) -> _When:
    """A volume is whole when every slice has come once."""
    sides = []
    for side in ("early_s", "late_s"):
        first = {z: min((getattr(copy, side) for copy in copies if z in copy.pixels), default=math.inf) for z in range(SHAPE[2])}
        sides.append(max(first.values()))
    return _When(*sides)


def _wrong_pixels(volume: Volume, copies: list[_Copy], slack_s: float) -> list[str]:
    """Each slice as in one of the files that held it, and one that was the first, or nearly."""
    said = []
    if volume.data.shape != SHAPE:
        return [f"{volume.index} has the shape {volume.data.shape}"]
    for z in range(SHAPE[2]):
        those = [copy for copy in copies if z in copy.pixels]
        first_s = min((copy.late_s for copy in those), default=math.inf)
        if not any(np.array_equal(copy.pixels[z], volume.data[:, :, z]) and copy.early_s <= first_s + slack_s for copy in those):
            said.append(f"slice {z} of {volume.index} is not what was written first")
    return said
