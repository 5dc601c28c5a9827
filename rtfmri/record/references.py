"""The reference volume, the brain mask and the ROI weights: written beside the record and read back with the same bits.

``load_image`` reads any 3D NIfTI, so a live run and its replay can take their reference and masks through the same door.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from rtfmri.errors import StudyError
from rtfmri.record.durable import write_whole
from rtfmri.record.layout import RunPaths
from rtfmri.record.nifti import exact_of, header_bytes
from rtfmri.volume import Grid, Image


def save_image(path: Path, data: Image, grid: Grid) -> None:
    """Write float32 (X, Y, Z) as NIfTI (``.nii.gz``) with the exact affine.

    Raises
    ------
    OSError : the file cannot be written.
    """
    if data.shape != grid.shape or data.dtype != np.float32:
        raise ValueError(f"an image of this grid is float32 {grid.shape}, not {data.dtype} {data.shape}")
    content = header_bytes(grid) + data.tobytes(order="F")
    write_whole(path, [gzip.compress(content, compresslevel=1, mtime=0)])


def load_image(path: Path) -> tuple[Image, Grid]:
    """float32 (X, Y, Z) and its grid, of a 3D NIfTI written here or elsewhere.

    Raises
    ------
    StudyError : the file cannot be read, or is no 3D image.
    """
    try:
        image = nib.load(path)
        data = np.asanyarray(image.dataobj)
    except (OSError, EOFError, zlib.error, ValueError, ImageFileError) as error:
        raise StudyError(f"{path} cannot be read as a NIfTI image ({error}); check the file.") from None
    shape = tuple(n for n in data.shape[:3])
    if len(shape) != 3 or int(np.prod(data.shape[3:])) != 1:
        raise StudyError(f"{path} is not one 3D image but has the shape {' x '.join(map(str, data.shape))}; give a 3D NIfTI.")
    affine = exact_of(image.header).get("affine", image.affine) if isinstance(image, nib.Nifti1Image) else image.affine
    voxels = np.ascontiguousarray(data.reshape(shape), dtype=np.float32)
    return voxels, Grid((shape[0], shape[1], shape[2]), np.array(affine, dtype=np.float64))


def save_regions(paths: RunPaths, grid: Grid, weights: Mapping[str, Image]) -> None:
    """Write the regions' masks; they may be of any real type and are written as float32.

    Raises
    ------
    StudyError : two regions would be saved under one name, or a file cannot be written.
    """
    files = paths.roi_masks(tuple(weights))
    save_images({files[name]: weight for name, weight in weights.items()}, grid)


def save_images(images: Mapping[Path, Image], grid: Grid) -> None:
    """Write images (X, Y, Z) of one grid, as float32.

    Raises
    ------
    StudyError : a file cannot be written.
    """
    for path, data in images.items():
        try:
            save_image(path, np.asarray(data, dtype=np.float32), grid)
        except OSError as error:
            raise StudyError(f"{path} cannot be written ({error.strerror}); free some space or choose another output folder.") from None
