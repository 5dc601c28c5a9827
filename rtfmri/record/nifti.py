"""NIfTI-1 that gives back the very bits: float32 voxels as they were, and the affine in full.

NIfTI's own affine (sform) is float32. The float64 affine, and whatever else must come back exactly, stands as JSON in a header
extension of the kind "comment" (code 6), which other programs pass over. Python writes and reads floats in JSON without loss.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from rtfmri.volume import Grid

KEY = "rtfmri"
COUNT_OFFSET = 48  # dim[4], the number of volumes: int16, byte 48 of the header (NIfTI-1 standard)
MAX_VOLUMES = 32767
_COMMENT = 6


@dataclass(frozen=True, eq=False)
class Header:
    """What a header says: the grid, the number of volumes, the byte where voxels begin, and ``exact``, our JSON."""

    grid: Grid
    count: int
    data_offset: int
    exact: dict[str, Any] = field(default_factory=dict)

    @property
    def volume_bytes(self) -> int:
        return 4 * int(np.prod(self.grid.shape))


def header_bytes(grid: Grid, count: int | None = None, tr_s: float = 0.0, exact: dict[str, Any] | None = None) -> bytes:
    """A little-endian float32 header with its extension, up to the first voxel; ``count`` None means one 3D image."""
    header = nib.Nifti1Header(endianness="<")
    header.set_data_dtype(np.float32)
    header.set_data_shape(grid.shape if count is None else (*grid.shape, count))
    header.set_xyzt_units("mm", "sec")
    header.set_qform(grid.affine, code=1)  # 1: scanner space
    header.set_sform(grid.affine, code=1)
    if count is not None:
        header["pixdim"][4] = tr_s
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    content = json.dumps({KEY: {"affine": grid.affine.tolist(), **(exact or {})}})
    header.extensions.append(nib.nifti1.Nifti1Extension(_COMMENT, content.encode()))
    stream = io.BytesIO()
    header.write_to(stream)
    return stream.getvalue()


def read_header(stream: BinaryIO) -> Header:
    """The header at the beginning of a NIfTI written by ``header_bytes``.

    Raises
    ------
    ValueError : there is no such header.
    """
    try:
        header = nib.Nifti1Header.from_fileobj(stream)
    except (HeaderDataError, WrapStructError) as error:
        raise ValueError(str(error)) from None
    exact = exact_of(header)
    if "affine" not in exact or header.get_data_dtype() != np.float32:
        raise ValueError("it was not written by rtfmri")
    shape = tuple(int(n) for n in header["dim"][1:4])
    grid = Grid((shape[0], shape[1], shape[2]), np.array(exact["affine"], dtype=np.float64))
    return Header(grid, int(header["dim"][4]), int(header["vox_offset"]), exact)


def exact_of(header: Any) -> dict[str, Any]:
    """Our JSON in a nibabel header's extensions; empty where a NIfTI comes from elsewhere."""
    for extension in header.extensions:
        if extension.get_code() == _COMMENT:
            content = extension.get_content()
            text = content if isinstance(content, str) else content.decode(errors="replace")
            try:
                plain = json.loads(text.rstrip("\x00"))
            except ValueError:
                continue  # somebody else's comment
            if isinstance(plain, dict) and KEY in plain:
                found: dict[str, Any] = plain[KEY]
                return found
    return {}
