"""What acquisition hands on: one brain volume, or the word that a volume number will never come.

Conventions: arrays are indexed (x, y, z) = (column, row flipped so that it runs against DICOM's rows, slice), the storage order of
dcm2niix's NIfTI, so masks drawn on converted data fit without a turn. ``affine`` maps voxel indices to RAS+ millimetres (scanner
space). ``index`` is 0-based and comes from the header: the scanner's volume number minus one. Times: ``acquired_s`` are seconds
since midnight by the scanner's clock; everything in ``Arrival`` is this computer's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Grid:
    """Where voxels lie: ``shape`` (X, Y, Z) and the 4x4 ``affine`` from voxel index to RAS+ mm."""

    shape: tuple[int, int, int]
    affine: Array

    @property
    def voxel_size_mm(self) -> tuple[float, float, float]:
        sizes = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(sizes[0]), float(sizes[1]), float(sizes[2])

    def difference_mm(self, other: Grid) -> float:
        """Largest distance between the same corner of the two grids, in mm; infinite where the shapes differ."""
        if self.shape != other.shape:
            return float("inf")
        far = np.array(self.shape) - 1
        corners = np.array([[x, y, z, 1.0] for x in (0, far[0]) for y in (0, far[1]) for z in (0, far[2])])
        moved = ((corners[:, None, :] * (self.affine - other.affine)[None, :3, :]).sum(axis=2) ** 2).sum(axis=1)
        return float(np.sqrt(moved.max()))


@dataclass(frozen=True)
class Arrival:
    """When a volume's last file was noticed, decoded and assembled: unix time, and seconds each step took."""

    noticed_unix_s: float
    noticed_s: float  # time.perf_counter() when the complete file was noticed: the zero of all latencies
    decode_s: float = 0.0
    assemble_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume as the scanner measured it; ``data`` is float32 (X, Y, Z), C-contiguous and read-only."""

    index: int
    data: Image
    grid: Grid
    tr_s: float
    acquired_s: float | None = None
    slice_times_s: tuple[float, ...] | None = None
    arrival: Arrival | None = None

    def __post_init__(self) -> None:
        if self.data.dtype != np.float32 or self.data.shape != self.grid.shape:
            raise ValueError(f"a volume holds float32 {self.grid.shape}, not {self.data.dtype} {self.data.shape}")
        self.data.setflags(write=False)


@dataclass(frozen=True)
class Missing:
    """Volume number ``index`` (0-based) was given up; ``reason`` is for the operator."""

    index: int
    reason: str


@dataclass(frozen=True)
class SourceFault:
    """Something acquisition noticed that is not a volume: a bad file, a straggler, another series, a lost share."""

    code: str
    text: str
    advice: str = ""
    severity: str = "warning"
    index: int | None = None


@dataclass(frozen=True)
class EndOfSource:
    """No more will come: a recorded source is read to its end, or acquisition had to stop (``failed``)."""

    reason: str
    failed: bool = False


SourceItem = Volume | Missing | SourceFault | EndOfSource


@dataclass(frozen=True)
class SeriesSummary:
    """One series in a folder, for ``rtfmri inspect``; holds nothing that tells who was scanned."""

    number: int | None
    protocol: str
    vendor: str
    kind: str
    shape: tuple[int, int, int] | None
    tr_s: float | None
    volumes: int
    files: int
    note: str = ""
    usable: bool = True
    extra: dict[str, str] = field(default_factory=dict)
