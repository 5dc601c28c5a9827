"""Philips PAR/REC: a run in one pair of files, or, from a real-time dump, one pair for each volume. nibabel reads the PAR.

Rules:
* magnitude images of the first echo count; a volume is one dynamic scan, its number is the dynamic scan number, less one. Where a folder
  holds many pairs that all say dynamic scan 1, it is the last number in the file's name, from 1, or from 0 where a file has it;
* REC holds the images in the order of "index in REC file"; rows are turned round, slices run by their place in space, as in dcm2niix;
* values are floating-point values: (stored x slope + intercept) / (slope x scale slope) of each image, in single precision as in dcm2niix;
* angles and the distance between slices are those of the image lines, as in dcm2niix; all else of the geometry is nibabel's.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nibabel.parrec import PARRECHeader

from rtfmri.acquisition.assemble import Assembler
from rtfmri.acquisition.nifti_files import number_in
from rtfmri.errors import IncompleteError, StudyError, VolumeError
from rtfmri.volume import Array, EndOfSource, Grid, SourceFault, SourceItem, Volume

MAGNITUDE = 0
MOST_IMAGES = 2**20
FROM_AP_FH_RL, SIGNS = (2, 0, 1), np.array([-1.0, -1.0, 1.0])  # from Philips' posterior, superior, left to RAS


def read_parrec(path: Path, *, obey_missing: frozenset[int] = frozenset()) -> Iterator[SourceItem]:
    """The run of a PAR/REC pair (either file), or of all pairs in a folder, in order, then ``EndOfSource``.

    Raises
    ------
    StudyError : at once, if there is no such pair.
    """
    pars = sorted(one for one in path.iterdir() if one.suffix.upper() == ".PAR") if path.is_dir() else [path.with_suffix(_par(path))]
    if not pars or not all(par.is_file() for par in pars):
        raise StudyError(f"There is no PAR file at {path}; give the PAR file of the run, or the folder of a real-time dump.")
    return _replay(pars, Assembler(missing_after_tr=0.0, obey_missing=obey_missing))


def holds_parrec(source: Path) -> bool:
    """Whether this is one of a pair, or a folder with pairs."""
    return any(path.suffix.upper() == ".PAR" for path in source.iterdir()) if source.is_dir() else source.suffix.upper() in (".PAR", ".REC")


def volumes_of_pair(par: bytes, rec: bytes) -> tuple[Volume, ...]:
    """All volumes of one pair, from the bytes of both files.

    Raises
    ------
    IncompleteError : REC is shorter than PAR says.
    VolumeError : PAR cannot be read, or does not describe volumes.
    """
    header = _header(par)
    try:
        return _volumes(header, rec)
    except VolumeError:
        raise
    except Exception as error:  # a damaged PAR can make nibabel stumble anywhere
        raise VolumeError(f"its PAR file cannot be made out ({type(error).__name__})") from None


def _replay(pars: list[Path], assembler: Assembler) -> Iterator[SourceItem]:
    pairs, faults = _read_pairs(pars)
    yield from faults
    if len(pairs) > 1 and all(volume.index == 0 for _, volumes in pairs for volume in volumes):
        pairs = _numbered_by_name(pairs)
    for _, volumes in sorted(pairs, key=lambda pair: pair[1][0].index):
        for volume in volumes:
            yield from assembler.add(volume, 0.0)
    yield from assembler.finish(0.0)
    yield EndOfSource("all files are read")


def _read_pairs(pars: list[Path]) -> tuple[list[tuple[Path, tuple[Volume, ...]]], list[SourceFault]]:
    pairs, faults = [], []
    for par in pars:
        rec = next((one for one in (par.with_suffix(".REC"), par.with_suffix(".rec")) if one.is_file()), None)
        try:
            if rec is None:
                raise VolumeError("there is no REC file beside it")
            pairs.append((par, volumes_of_pair(par.read_bytes(), rec.read_bytes())))
        except (VolumeError, OSError) as error:
            reason = error if isinstance(error, VolumeError) else error.strerror
            faults.append(SourceFault("unreadable", f"the file {par.name} is refused: {reason}"))
    return pairs, faults


def _numbered_by_name(pairs: list[tuple[Path, tuple[Volume, ...]]]) -> list[tuple[Path, tuple[Volume, ...]]]:
    numbers = [number_in(par.stem) for par, _ in pairs]
    known = [number for number in numbers if number is not None]
    if len(set(known)) < len(pairs):
        return pairs
    first = min(1, *known)
    return [(par, (replace(volumes[0], index=number - first),)) for (par, volumes), number in zip(pairs, known, strict=True)]


def _header(par: bytes) -> Any:
    if not par.strip(b"\0 \r\n"):
        raise IncompleteError("its PAR file is empty so far")
    lines = par.decode("latin-1").splitlines()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a dump, which has fewer dynamic scans than its PAR speaks of
            return PARRECHeader.from_fileobj(lines, permit_truncated=True, strict_sort=False)
    except Exception as error:
        raise VolumeError(f"its PAR file cannot be made out ({type(error).__name__})") from None


def _volumes(header: Any, rec: bytes) -> tuple[Volume, ...]:
    images = header.image_defs
    columns, rows = (int(size) for size in images["recon resolution"][0])
    dtype = np.dtype(f"<u{int(images['image pixel size'][0]) // 8}")
    highest = int(images["index in REC file"].max()) + 1
    if not (0 < columns < 2**13 and 0 < rows < 2**13 and 0 < highest <= MOST_IMAGES):
        raise VolumeError("its PAR file asks for an impossible number of pixels")
    if len(rec) < highest * rows * columns * dtype.itemsize:
        raise IncompleteError("its REC file ends before its PAR file says")
    pixels = np.frombuffer(rec, dtype, count=highest * rows * columns).reshape(highest, rows, columns)
    wanted = images[(images["image_type_mr"] == MAGNITUDE) & (images["echo number"] == images["echo number"].min())]
    if not len(wanted):
        raise VolumeError("it holds no magnitude images")
    tr_s = float(np.ravel(header.general_info["repetition_time"])[0]) / 1000.0
    if tr_s <= 0:
        raise VolumeError("its PAR file has no repetition time")
    slices = np.unique(wanted["slice number"])
    affine = _affine(header, wanted, (columns, rows, len(slices)))
    grid = Grid((columns, rows, len(slices)), affine)
    dynamics = [int(number) for number in np.unique(wanted["dynamic scan number"])]
    return tuple(_volume(wanted[wanted["dynamic scan number"] == number], number - 1, slices, pixels, grid, tr_s) for number in dynamics)


def _volume(lines: npt.NDArray[Any], index: int, slices: npt.NDArray[Any], pixels: npt.NDArray[Any], grid: Grid, tr_s: float) -> Volume:
    """The volume of one dynamic scan."""
    if index < 0 or not np.array_equal(np.sort(lines["slice number"]), slices):
        raise VolumeError(f"it has {len(lines)} slices of dynamic scan {index + 1}, and {len(slices)} of others")
    across = grid.affine[:3, 2]
    lines = lines[np.argsort((lines["image offcentre"][:, FROM_AP_FH_RL] * SIGNS * across).sum(axis=1))]
    slope, intercept = lines["rescale slope"].astype(np.float32), lines["rescale intercept"].astype(np.float32)
    scale = slope * lines["scale slope"].astype(np.float32)
    if not scale.all():
        raise VolumeError("its PAR file has a slope of zero")
    stored = pixels[lines["index in REC file"], ::-1, :].astype(np.float64)
    values = stored * (slope / scale).astype(np.float64)[:, None, None] + (intercept / scale).astype(np.float64)[:, None, None]
    return Volume(index, values.transpose(2, 1, 0).astype(np.float32, order="C"), grid, tr_s)


def _affine(header: Any, lines: npt.NDArray[Any], shape: tuple[int, int, int]) -> Array:
    """4x4 to RAS+ mm from nibabel's, which is for rows as they are stored and for the angles of the general information."""
    header.general_info["angulation"] = lines["image angulation"][0].astype(np.float64)
    affine = np.array(header.get_affine(), dtype=np.float64)
    flipped = affine.copy()
    flipped[:, 1] = -affine[:, 1]
    flipped[:3, 3] += affine[:3, 1] * (shape[1] - 1)
    if shape[2] > 1:
        middle = (np.array(shape) - 1) / 2.0
        along = flipped[:3, 2] * (_distance_mm(lines, shape[2]) / float(np.sqrt((flipped[:3, 2] ** 2).sum())))
        flipped[:3, 3] += (flipped[:3, 2] - along) * middle[2]
        flipped[:3, 2] = along
    return flipped


def _distance_mm(lines: npt.NDArray[Any], slices: int) -> float:
    """From slice to slice, by the positions of the first and the last."""
    ordered = np.sort(lines, order="slice number")
    return float(np.sqrt(((ordered["image offcentre"][-1] - ordered["image offcentre"][0]) ** 2).sum())) / (slices - 1)


def _par(path: Path) -> str:
    return ".par" if path.suffix.islower() else ".PAR"
