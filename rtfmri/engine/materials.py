"""Read what a study points to, once, before a run: masks of regions and tissues, the earlier image they lie on, decoder, regressors."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.pipeline import DecoderMap, GridImage, Materials
from rtfmri.record.copies import sidecar
from rtfmri.record.references import load_image
from rtfmri.record.tables import read_numbers
from rtfmri.signals.inputs import SignalInputs
from rtfmri.signals.nuisance import TISSUES
from rtfmri.study import Study
from rtfmri.study.signal import DecoderRule
from rtfmri.volume import Array

T = TypeVar("T")


def read_materials(study: Study) -> Materials:
    """All files of ``study``.

    Raises
    ------
    StudyError : a region is still in MNI space, or a file is not what it should be; all problems at once.
    """
    problems: list[str] = []

    def tried(where: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except StudyError as error:
            problems.extend(f"{where}: {problem}" for problem in error.problems)
            return None

    weighted = [roi for roi in study.roi if roi.voxel_weights is not None]
    voxel_weights = {roi.name: tried(f"roi {roi.name}", partial(_mask, roi.voxel_weights)) for roi in weighted}
    masks = {roi.name: tried(f"roi {roi.name}", partial(_mask, roi.mask)) for roi in study.roi}
    wanted: list[str] = [name for name in TISSUES if name in study.signal.nuisance]
    tissue = {name: tried(f"tissue.{name}", partial(_tissue, study, name)) for name in wanted}
    file = study.registration.file
    earlier = None if file is None else tried("registration.reference", lambda: _image(file))
    measure, table = study.signal.measure, study.signal.regressors
    decoder = tried("signal.measure", lambda: _decoder(measure.weights)) if isinstance(measure, DecoderRule) else None
    regressors: Array | None = None if table is None else tried("signal.regressors", lambda: read_numbers(table))
    if problems:
        raise StudyError(*problems)
    inputs = SignalInputs(regressors=regressors)
    return Materials(_whole(masks), earlier, _whole(tissue), decoder, inputs, _whole(voxel_weights))


def _whole(images: dict[str, GridImage | None]) -> dict[str, GridImage]:
    return {name: image for name, image in images.items() if image is not None}


def _mask(path: Path | None) -> GridImage:
    if path is None:
        raise StudyError(
            "a region in MNI space has no place on this participant's EPI yet; run prepare first, or give a mask on the EPI's grid."
        )
    return _image(path)


def _tissue(study: Study, name: str) -> GridImage:
    path = getattr(study.tissue, name)
    if path is None:
        raise StudyError(f"signal.nuisance asks for {name} and there is no mask of it; run prepare first, or give tissue.{name}.")
    return _image(path)


def _decoder(path: Path) -> DecoderMap:
    beside = sidecar(path)
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise StudyError(f"{beside.name} is not beside the decoder's map or cannot be read; `rtfmri train` writes both.") from None
    return DecoderMap(path.name, _image(path), content if isinstance(content, dict) else {})


def _image(path: Path) -> GridImage:
    data, grid = load_image(path)
    return GridImage(np.nan_to_num(data), grid)
