"""One 3D NIfTI file from its bytes, compressed or not.

Rules: it is whole when it is as long as its header says (compressed: when the compressed stream has its end). Data and affine are taken as
they are stored, values scaled as the header says. Times are not known; TR is the header's, which 3D files often lack, unless one is given.
The header is read with nibabel, but without its repairs: what is damaged is refused.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from rtfmri.errors import IncompleteError, VolumeError
from rtfmri.volume import Array, Grid, Image, Volume

TIME_UNITS, SECONDS_PER_UNIT = 0x38, {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}  # unknown, s, ms, us (NIfTI-1, xyzt_units)
GZIP, GZIP_WINDOW = b"\x1f\x8b", 31
HEADER_SIZE, MAGIC = 348, b"n+1\0"  # one file with header and voxels
MOST_BYTES = 2**31  # a header that asks for more is damaged


def is_nifti(data: bytes) -> bool:
    """Whether a file that begins so is NIfTI, compressed or not."""
    return data[: len(GZIP)] == GZIP or data[:4] in (struct.pack("<i", HEADER_SIZE), struct.pack(">i", HEADER_SIZE))


def volume_of_file(data: bytes, index: int, tr_s: float | None = None) -> Volume:
    """The volume ``index`` (0-based) from the bytes of a 3D NIfTI file, compressed or not.

    Raises
    ------
    IncompleteError : it is shorter than it says.
    VolumeError : it is no 3D NIfTI file, is damaged, or has no TR while none is given.
    """
    data = _inflated(data) if data.startswith(GZIP) else data
    header = _header(data)
    tr_s = tr_s_of(header) if tr_s is None else tr_s
    if tr_s is None:
        raise VolumeError("its header has no repetition time; give acquisition.tr_s in the study")
    values = _values_of(data, header)
    affine = _affine(header)
    return Volume(index, values, Grid((values.shape[0], values.shape[1], values.shape[2]), affine), tr_s)


def _values_of(data: bytes, header: Any) -> Image:
    """(X, Y, Z), scaled as a NIfTI reader does."""
    dims = [int(size) for size in header["dim"][:5]]
    shape, dtype = dims[1:4], header.get_data_dtype()
    if dims[0] not in (3, 4) or min(shape) < 1 or (dims[0] == 4 and dims[4] != 1):
        raise VolumeError("it is no 3D NIfTI file")
    offset, slope, intercept = (float(header[name]) for name in ("vox_offset", "scl_slope", "scl_inter"))
    if dtype.kind not in "iuf" or not HEADER_SIZE <= offset <= MOST_BYTES or math.prod(shape) * dtype.itemsize > MOST_BYTES:
        raise VolumeError("its header asks for an impossible kind or number of voxels")
    if len(data) < offset + math.prod(shape) * dtype.itemsize:
        raise IncompleteError("it ends before its header says")
    stored = np.frombuffer(data, dtype, math.prod(shape), int(offset)).reshape(shape, order="F")
    if not math.isfinite(slope) or slope == 0.0:  # NIfTI's way to say that there is no scale
        slope, intercept = 1.0, 0.0
    with np.errstate(over="ignore"):
        values = stored.astype(np.float32, order="C") if (slope, intercept) == (1.0, 0.0) else _rescaled(stored, slope, intercept)
    if not np.isfinite(values).all():
        raise VolumeError("it has voxels that are no numbers")
    return values


def _rescaled(stored: npt.NDArray[Any], slope: float, intercept: float) -> Image:
    return (stored * slope + intercept).astype(np.float32, order="C")


def _affine(header: Any) -> Array:
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
    except Exception:  # nibabel raises many kinds for angles that make no rotation
        raise VolumeError("its header does not say where its voxels lie") from None
    x, y, z = affine[:3, 0], affine[:3, 1], affine[:3, 2]
    if not np.isfinite(affine).all() or not 1e-6 < abs(float((np.cross(x, y) * z).sum())) < 1e6:  # mm^3 of a voxel
        raise VolumeError("its header does not say where its voxels lie")
    return affine


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(GZIP_WINDOW)
    try:
        inflated = inflater.decompress(data, MOST_BYTES)
    except zlib.error:
        raise VolumeError("its compressed content is damaged") from None
    if not inflater.eof:
        raise IncompleteError("its compressed content has no end yet")
    return inflated


def _header(data: bytes) -> Any:
    """nibabel's view of the header, without its repairs."""
    if len(data) < HEADER_SIZE + len(MAGIC) or not data[:HEADER_SIZE].strip(b"\0"):
        raise IncompleteError("it ends within its header")
    order = next((order for order in "<>" if data[:4] == struct.pack(order + "i", HEADER_SIZE)), None)
    header = nibabel.Nifti1Header(data[:HEADER_SIZE], endianness=order, check=False) if order else None
    if header is None or data[HEADER_SIZE - 4 : HEADER_SIZE] != MAGIC or int(header["datatype"]) not in nibabel.nifti1.data_type_codes.code:
        raise VolumeError("it is no NIfTI file")
    return header


def tr_s_of(header: Any) -> float | None:
    """The repetition time in seconds; None where the header has none that makes sense."""
    step = float(f"{float(header['pixdim'][4]):.7g}")  # float32 holds seven digits: 2.2, not 2.200000047683716
    tr_s = step * SECONDS_PER_UNIT.get(int(header["xyzt_units"]) & TIME_UNITS, math.nan)
    return tr_s if math.isfinite(tr_s) and tr_s > 0 else None
