"""What the run's volumes are realigned to, and where its regions lie on it.

The first good volume is the reference at once. Where the study asks for a mean, good volumes are added to it as they come; when there are
enough, the mean takes the first volume's place. It lies in the same frame and keeps the first one's mask, so motion is told
about the same centre and everything that was published stays valid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError, VolumeError
from rtfmri.pipeline.setup import GridImage, Setup
from rtfmri.quality.gate import slices_of
from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import inside, prefilter, sample
from rtfmri.registration.mask import head_mask
from rtfmri.registration.mean import MeanOfVolumes
from rtfmri.registration.realign import Reference, prepare
from rtfmri.registration.session import Session, register_once
from rtfmri.rigid import RigidTransform
from rtfmri.signals.measures.decoder import calibrated
from rtfmri.signals.rois import RoiVoxels
from rtfmri.volume import Array, Image, Volume

MOST_TRIED = 4  # volumes that may be spoiled before it is the earlier image that does not fit


@dataclass(frozen=True, eq=False)
class Standing:
    """The run's own reference and the image that it was made from; ``growing`` until the mean is complete; ``session`` leads from the
    earlier image that the regions lie on, where there is one."""

    reference: Reference
    image: GridImage
    growing: MeanOfVolumes | None = None
    session: Session | None = None
    decoder: Array | None = None  # the decoder's weights for raw voxel values
    roi_slices: frozenset[int] = frozenset()  # of the run's grid, that hold voxels of a region

    def regions_to(self, run: RigidTransform) -> RigidTransform:
        """From where the regions lie to a volume whose head lies at ``run``."""
        return run if self.session is None else run.after(self.session.transform)


def voxels_on_run(setup: Setup, standing: Standing, roi: RoiVoxels) -> npt.NDArray[np.intp]:
    """The region's voxels (N, 3) on the run's own grid, to the nearest voxel and within it: for pictures, not for values."""
    if standing.session is None:
        return roi.voxels
    points = np.rint(transform_points(setup.roi_grid, standing.session.transform, setup.grid, roi.voxels)).astype(np.intp)
    return np.unique(points[inside(points.astype(np.float64), setup.grid.shape)], axis=0)


def stand_on(setup: Setup, volume: Volume, tried: int) -> Standing:
    """The run's first good volume as its reference; ``tried``: how many before it were none.

    Raises
    ------
    VolumeError : it shows no head to realign to, or not the earlier image's; the next volume may.
    StudyError : after ``MOST_TRIED`` the earlier image is still not found.
    """
    try:
        reference = prepare(volume.data, volume.grid, head_mask(volume.data))
    except StudyError as error:
        raise VolumeError(f"volume {volume.index + 1} cannot be the reference: {error}") from None
    wanted = setup.study.registration.averaged
    growing = MeanOfVolumes.begun(volume.data, volume.grid) if wanted > 1 else None
    standing = Standing(reference, GridImage(volume.data, volume.grid), growing, _session(setup, volume, tried))
    slices = frozenset().union(*(slices_of(voxels_on_run(setup, standing, roi)) for roi in setup.rois))
    return replace(standing, decoder=_calibrated(setup, standing), roi_slices=slices)


def _session(setup: Setup, volume: Volume, tried: int) -> Session | None:
    """The way from the earlier image, where the regions lie on one."""
    if setup.earlier is None:
        return None
    image, grid = setup.earlier.data, setup.earlier.grid
    earlier = prepare(image, grid, head_mask(image))
    try:
        return register_once(earlier, image, prefilter(volume.data), volume.grid)
    except StudyError as error:
        if tried < MOST_TRIED:
            raise VolumeError(f"volume {volume.index + 1} cannot be the reference: {error}") from None
        raise


def _calibrated(setup: Setup, standing: Standing) -> Array | None:
    """The decoder's weights for raw values, by what its voxels are worth in the reference."""
    if setup.decoder is None:
        return None
    identity = RigidTransform(centre_mm=standing.reference.centre_mm)
    points = transform_points(setup.roi_grid, standing.regions_to(identity), setup.grid, setup.decoder.voxels)
    return calibrated(setup.decoder, sample(prefilter(standing.image.data, setup.order), points, setup.order))


def grown(setup: Setup, standing: Standing, coefficients: Image, transform: RigidTransform) -> Standing:
    """With one more good volume in the mean; the mean is the reference as soon as it holds as many as the study asks for."""
    if standing.growing is None:
        return standing
    mean = standing.growing.with_volume(coefficients, transform)
    if mean.taken < setup.study.registration.averaged:
        return replace(standing, growing=mean)
    old = standing.reference
    reference = prepare(mean.image, old.grid, old.mask)
    return replace(standing, reference=reference, image=GridImage(mean.image, old.grid), growing=None)
