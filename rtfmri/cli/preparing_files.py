"""The files of ``rtfmri prepare``: masks that the study names, an earlier session's preparation, and what is written."""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from rtfmri.errors import StudyError
from rtfmri.preparation.earlier import Earlier
from rtfmri.preparation.outputs import Preparation, as_json, images_of, map_name
from rtfmri.preparation.page import page_of, pictures_of
from rtfmri.preparation.prepared import folder_of, load_prepared, prepared_path
from rtfmri.record.durable import write_json, write_whole
from rtfmri.record.references import load_image, save_images
from rtfmri.study import Study
from rtfmri.study.regions import RoiRule
from rtfmri.volume import Array, Grid, Image

INTENT_VECTOR = 1007  # NIFTI_INTENT_VECTOR: three numbers a voxel


def read_sources(rules: tuple[RoiRule, ...]) -> dict[object, tuple[Image, Grid]]:
    """Every mask and label image of the study, by its path; all problems at once.

    Raises
    ------
    StudyError : a file is no 3D NIfTI.
    """
    problems: list[str] = []
    images: dict[object, tuple[Image, Grid]] = {}
    for rule in rules:
        for source in rule.all_sources:
            path = source.mask or source.label_image
            if path is not None and path not in images:
                try:
                    images[path] = load_image(path)
                except StudyError as error:
                    problems += [f"roi {rule.name}: {problem}" for problem in error.problems]
    if problems:
        raise StudyError(*problems)
    return images


def read_earlier(study: Study, out: Path, sub: str, ses: str) -> Earlier:
    """An earlier session's preparation, to be reused.

    Raises
    ------
    StudyError : there is none, it was not accepted, or the study's regions are others now.
    """
    prepared = load_prepared(prepared_path(out, sub, ses))
    if not prepared.usable:
        raise StudyError(
            f"The preparation of ses-{ses} was not accepted; look at it and accept it first, or prepare this session by itself."
        )
    changed = [rule.name for rule in study.roi if prepared.sources.get(rule.name) != rule.source_words]
    if changed:
        raise StudyError(
            f"The regions {', '.join(changed)} are not those that ses-{ses} was prepared with; prepare this session without --from-session."
        )
    folder, plain = prepared.path.parent, prepared.plain
    image, grid = load_image(prepared.reference)
    shares = np.stack([load_image(folder / plain["probabilities"][name])[0] for name in ("grey", "white", "fluid")])
    to_t1 = plain["t1_from_reference"]
    return Earlier(image, grid, shares, _read_map(folder / plain["transform"], grid), None if to_t1 is None else np.array(to_t1))


def write_preparation(preparation: Preparation, out: Path, labels: tuple[str, str], made: dict[str, Any], accept: str) -> None:
    """Images, map, pictures, page; the JSON last: it is there only when everything is.

    Raises
    ------
    StudyError : a file cannot be written.
    """
    sub, ses = labels
    stem, folder = f"sub-{sub}_ses-{ses}", folder_of(out, sub, ses)
    path = prepared_path(out, sub, ses)
    grid = preparation.found.anatomy.grid
    pictures = pictures_of(preparation)
    page = page_of(preparation, pictures, f"sub-{sub} ses-{ses}", accept)
    try:
        path.unlink(missing_ok=True)  # what was accepted before is no longer what lies here
        save_images({folder / name: image for name, image in images_of(preparation, stem).items()}, grid)
        write_whole(folder / map_name(stem), [_map_bytes(preparation.found.anatomy.spaces["MNI"], grid)])
        for name, png in pictures.items():
            write_whole(folder / f"{stem}_desc-{name.replace('_', '')}_picture.png", [png])
        write_whole(path.with_suffix(".html"), [page.encode()])
        write_json(path, as_json(preparation, sub, ses) | made)
    except OSError as error:
        raise StudyError(f"{error.filename or folder} cannot be written ({error.strerror}); free some space.") from None


def accept_command(study: Path, out: Path, sub: str, ses: str) -> str:
    """What the operator types after looking."""
    return f"rtfmri prepare {shlex.quote(str(study))} --sub {sub} --ses {ses} --out {shlex.quote(str(out))} --accept-by NAME"


def _map_bytes(mni_mm: Array, grid: Grid) -> bytes:
    image = nib.Nifti1Image(mni_mm[:, :, :, None, :].astype(np.float32), grid.affine)
    image.header.set_intent(INTENT_VECTOR)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)


def _read_map(path: Path, grid: Grid) -> Array:
    try:
        values = np.asarray(nib.load(path).dataobj, dtype=np.float64)
    except Exception as error:  # nibabel raises many kinds for a file that it cannot make out
        raise StudyError(f"{path} cannot be read ({error}); prepare the earlier session again.") from None
    if values.shape != (*grid.shape, 1, 3):
        raise StudyError(f"{path} is not on the grid of its session's reference; prepare the earlier session again.")
    return values[:, :, :, 0, :]
