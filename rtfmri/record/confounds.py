"""``desc-confounds_timeseries``: one row per volume of the 4D NIfTI, fMRIPrep's column names, our conventions (in the sidecar)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtfmri.messages import Envelope, Motion, VolumeMessage
from rtfmri.record.summary import of_kind
from rtfmri.record.tables import Cell, Column, Table, tabulate

VolumeColumn = Column[VolumeMessage]
AXES = ("x", "y", "z")
ABOUT = "of the head against the reference, RAS+, about the centroid of the reference's brain mask; the transform maps reference to volume"


def confounds(envelopes: Sequence[Envelope]) -> Table:
    """Motion, framewise displacement, DVARS; one column per flagged and one per missing volume, 1 in its row and 0 elsewhere."""
    volumes = of_kind(envelopes, VolumeMessage)
    flagged = [volume.index for volume in volumes if volume.flagged]
    missing = [volume.index for volume in volumes if volume.validity == "missing"]
    columns = [
        *(_motion(f"trans_{axis}", f"Translation along {axis} {ABOUT}.", "mm", "trans_mm", i) for i, axis in enumerate(AXES)),
        *(_motion(f"rot_{axis}", f"Rotation about {axis} (R = Rx Ry Rz) {ABOUT}.", "rad", "rot_rad", i) for i, axis in enumerate(AXES)),
        VolumeColumn("framewise_displacement", "Power et al. 2012, with a radius of 50 mm, against the volume before.", _fd_mm, "mm"),
        VolumeColumn("rmsd", "Jenkinson 1999, over a sphere of 80 mm, against the volume before.", _rms_mm, "mm"),
        VolumeColumn("realign_se", "Standard error of the estimated position, 50 mm from the centre.", _uncertainty_mm, "mm"),
        VolumeColumn(
            "dvars", "RMS of the difference to the volume before over the brain mask, of the mask's mean.", lambda v: v.dvars_percent, "%"
        ),
        *_one_hot("motion_outlier", "1 for volume {}, which was flagged and left out of model and baseline.", flagged),
        *_one_hot("missing_outlier", "1 for volume {}, which never came: zeros in the NIfTI.", missing),
    ]
    return tabulate(columns, volumes)


def _motion(name: str, description: str, units: str, field: str, axis: int) -> VolumeColumn:
    def value(volume: VolumeMessage) -> Cell:
        motion: Motion | None = volume.motion
        return None if motion is None else float(getattr(motion, field)[axis])

    return VolumeColumn(name, description, value, units)


def _fd_mm(volume: VolumeMessage) -> Cell:
    return volume.motion.fd_mm if volume.motion else None


def _rms_mm(volume: VolumeMessage) -> Cell:
    return volume.motion.rms_mm if volume.motion else None


def _uncertainty_mm(volume: VolumeMessage) -> Cell:
    return volume.motion.uncertainty_mm if volume.motion else None


def _one_hot(name: str, description: str, indices: Iterable[int]) -> list[VolumeColumn]:
    def column(place: int, index: int) -> VolumeColumn:
        return VolumeColumn(f"{name}{place:02d}", description.format(index), lambda volume: int(volume.index == index))

    return [column(place, index) for place, index in enumerate(indices)]
