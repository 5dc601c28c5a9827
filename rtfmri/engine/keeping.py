"""What a run keeps beside its journal: raw volumes, reference, brain mask, ROI weights. After publishing, never before."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np

from rtfmri.pipeline import Materials, Setup, Standing
from rtfmri.record.layout import RunPaths
from rtfmri.record.raw import RawVolumes
from rtfmri.record.references import save_images, save_regions
from rtfmri.volume import Missing, Volume


class Keeping:
    """The files of one run; ``failed`` is the error of the last write of a raw volume, None when all are on the disk."""

    def __init__(self, paths: RunPaths, materials: Materials) -> None:
        self._paths, self._materials = paths, materials
        self._raw: RawVolumes | None = None

    def __enter__(self) -> Keeping:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._raw is not None:
            self._raw.__exit__(kind, error, trace)

    @property
    def failed(self) -> OSError | None:
        return None if self._raw is None else self._raw.failed

    @property
    def data_offset(self) -> int:
        """Where in the growing file the first volume's voxels begin, in bytes; known once it is open."""
        assert self._raw is not None
        return self._raw.data_offset

    @property
    def rescued_to(self) -> Path | None:
        """Where the volumes lie that the disk of the record could not take; known after the end."""
        return None if self._raw is None else self._raw.rescued_to

    def open(self, setup: Setup) -> None:
        """Called with the first volume, which brings grid and TR.

        Raises
        ------
        StudyError : the regions cannot be saved.
        """
        self._raw = RawVolumes(self._paths.bold_growing, setup.grid, setup.tr_s)
        save_regions(self._paths, setup.roi_grid, {name: mask.data for name, mask in self._materials.masks.items()})
        if setup.earlier is not None:
            save_images({self._paths.earlier: setup.earlier.data}, setup.earlier.grid)

    def volume(self, item: Volume | Missing) -> None:
        assert self._raw is not None
        self._raw.append(item)

    def reference(self, standing: Standing) -> None:
        """What volumes are realigned to, and the mask of the head on it; written anew when the mean of several takes its place.

        Raises
        ------
        StudyError : they cannot be saved.
        """
        mask = standing.reference.mask.astype(np.float32)
        save_images({self._paths.reference: standing.image.data, self._paths.brain_mask: mask}, standing.image.grid)
