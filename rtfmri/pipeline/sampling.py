"""What is taken from a volume: the values of the voxels that the signal needs, at their moved positions, and nothing else.

Regions, tissues and the decoder's map are lists of voxels of one grid (``Setup.roi_grid``); all are sampled in one pass, from the raw
volume's spline coefficients. Where the study asks for it and the scanner tells its slice times, they are then brought to the time of the
volume's first slice.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.pipeline.reference import Standing
from rtfmri.pipeline.setup import Setup
from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import prefilter, sample
from rtfmri.registration.slice_timing import DEPTH, TimedValues, at_volume_start, timed
from rtfmri.rigid import RigidTransform
from rtfmri.signals.measures.decoder import project
from rtfmri.signals.rois import roi_mean
from rtfmri.volume import Array, Image, Volume

CUBIC = 3
History = tuple[TimedValues, ...]


@dataclass(frozen=True, eq=False)
class Sampled:
    """``raw``: the regions' means; ``tissue``: voxel values by tissue; ``decoder``: the decoder's decision, None without one.

    ``newest``: this volume's values with their times, where they are brought to one time.
    """

    raw: tuple[float, ...]
    tissue: dict[str, Array]
    decoder: float | None
    newest: TimedValues | None


def take(setup: Setup, standing: Standing, volume: Volume, cubic: Image, transform: RigidTransform, history: History) -> Sampled:
    """The values of ``volume``, whose head lies at ``transform``; ``cubic`` are its cubic coefficients."""
    coefficients = cubic if setup.order == CUBIC else prefilter(volume.data, setup.order)
    points = transform_points(setup.roi_grid, standing.regions_to(transform), volume.grid, setup.places.voxels)
    values = sample(coefficients, points, setup.order)
    if not setup.study.registration.slice_timing or volume.slice_times_s is None:
        return _sorted(setup, standing, values, None)
    newest = timed(volume.index, values, points, volume.slice_times_s, setup.tr_s)
    values, _ = at_volume_start((newest, *history), setup.tr_s)
    return _sorted(setup, standing, values, newest)


def remembered(history: History, sampled: Sampled, flagged: bool) -> History:
    """What the next volumes may be interpolated with; newest first."""
    return history if sampled.newest is None or flagged else (sampled.newest, *history)[: DEPTH - 1]


def _sorted(setup: Setup, standing: Standing, values: Array, newest: TimedValues | None) -> Sampled:
    places = setup.places
    raw = tuple(roi_mean(values[part], roi.weights) for roi, part in zip(setup.rois, places.rois, strict=True))
    tissue = {name: values[part] for name, part in places.tissue.items()}
    decision = None if standing.decoder is None else project(standing.decoder, values[places.decoder])
    return Sampled(raw, tissue, decision, newest)
