"""What a run keeps beside its journal: raw volumes, reference, brain mask, ROI weights. After publishing, never before."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np

from rtfmri.pipeline import GridImage, Materials, Setup
from rtfmri.record.layout import RunPaths
from rtfmri.record.raw import RawVolumes
from rtfmri.record.references import save_references
from rtfmri.registration.realign import Reference
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
    def rescued_to(self) -> Path | None:
        """Where the volumes lie that the disk of the record could not take; known after the end."""
        return None if self._raw is None else self._raw.rescued_to

    def open(self, setup: Setup) -> None:
        """Called with the first volume, which brings grid and TR."""
        self._raw = RawVolumes(self._paths.bold_growing, setup.grid, setup.tr_s)

    def volume(self, item: Volume | Missing) -> None:
        assert self._raw is not None
        self._raw.append(item)

    def reference(self, image: GridImage, reference: Reference) -> None:
        masks = {name: mask.data for name, mask in self._materials.masks.items()}
        save_references(self._paths, image.grid, image.data, reference.mask.astype(np.float32), masks)
