"""What a study points to, copied into the record byte for byte, so that a run can be computed again without the lab's own folders.

Masks of regions and the earlier image are not here: they are saved as the run used them (``references.py``). Pictures of trials lie in the
dataset's ``stimuli``, as BIDS has it, in a folder named by their own content: all runs share one copy, and a picture keeps its file name,
by which displays know it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtfmri.record.durable import write_whole
from rtfmri.record.layout import RunPaths
from rtfmri.study import Study
from rtfmri.study.display import checksum
from rtfmri.study.signal import DecoderRule


@dataclass(frozen=True)
class Copy:
    """``setting``: where the path stands in the study; ``files``: (original, copy), the first of them is the one that it names."""

    setting: tuple[str | int, ...]
    files: tuple[tuple[Path, Path], ...]


def copies(study: Study, paths: RunPaths) -> tuple[Copy, ...]:
    """Every file of ``study`` that must be copied.

    Raises
    ------
    StudyError : a picture cannot be read.
    """
    found = []
    for name, desc in (("white_matter", "whiteMatter"), ("csf", "csf")):
        original: Path | None = getattr(study.tissue, name)
        if original is not None:
            found.append(Copy(("tissue", name), ((original, paths.derived(f"desc-{desc}_mask{_suffix(original)}")),)))
    for number, roi in enumerate(study.roi):
        if roi.voxel_weights is not None:
            label = paths.roi_masks((roi.name,))[roi.name].name.removesuffix("_mask.nii.gz")
            target = paths.folder / f"{label}_probseg{_suffix(roi.voxel_weights)}"
            found.append(Copy(("roi", number, "voxel_weights"), ((roi.voxel_weights, target),)))
    if study.signal.regressors is not None:
        found.append(Copy(("signal", "regressors"), ((study.signal.regressors, paths.derived("desc-regressors_timeseries.tsv")),)))
    measure = study.signal.measure
    if isinstance(measure, DecoderRule):
        weights = measure.weights
        files = (
            (weights, paths.derived(f"desc-decoder_weights{_suffix(weights)}")),
            (sidecar(weights), paths.derived("desc-decoder_weights.json")),
        )
        found.append(Copy(("signal", "measure", "weights"), files))
    for number, trial in enumerate(study.trial):
        if trial.image is not None:
            target = paths.out / "stimuli" / stimulus(trial.image.name, checksum(trial.image))
            found.append(Copy(("trial", number, "image"), ((trial.image, target),)))
    return tuple(found)


def stimulus(name: str, sha256: str) -> str:
    """A picture's place below the dataset's ``stimuli``, with slashes."""
    return f"{sha256[:12]}/{name}"


def sidecar(image: Path) -> Path:
    """The JSON of the same name beside a NIfTI."""
    return image.with_name(image.name.removesuffix(_suffix(image)) + ".json")


def named(plain: dict[str, Any], copied: tuple[Copy, ...], folder: Path) -> dict[str, Any]:
    """The resolved study with the copies in the place of the originals' paths, as they are found from ``folder`` on any computer."""
    for copy in copied:
        section: Any = plain
        for key in copy.setting[:-1]:
            section = section[key]
        section[copy.setting[-1]] = Path(os.path.relpath(copy.files[0][1], folder)).as_posix()
    return plain


def write_copies(copied: tuple[Copy, ...]) -> None:
    """Write those that are not there yet: what a run that is resumed began with stays.

    Raises
    ------
    OSError : an original cannot be read or a copy not be written.
    """
    for copy in copied:
        for original, target in copy.files:
            if not target.exists():
                write_whole(target, [original.read_bytes()])


def _suffix(image: Path) -> str:
    return ".nii.gz" if image.name.endswith(".nii.gz") else image.suffix
