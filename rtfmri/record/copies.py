"""What a study points to, copied into the record byte for byte, so that a run can be computed again without the lab's own folders.

Masks of regions and the earlier image are not here: they are saved as the run used them (``references.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtfmri.record.durable import write_whole
from rtfmri.record.layout import RunPaths
from rtfmri.study import Study
from rtfmri.study.signal import DecoderRule


@dataclass(frozen=True)
class Copy:
    """``setting``: where the path stands in the study; ``files``: (original, copy), the first of them is the one that it names."""

    setting: tuple[str | int, ...]
    files: tuple[tuple[Path, Path], ...]


def copies(study: Study, paths: RunPaths) -> tuple[Copy, ...]:
    """Every file of ``study`` that must be copied."""
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
    return tuple(found)


def sidecar(image: Path) -> Path:
    """The JSON of the same name beside a NIfTI."""
    return image.with_name(image.name.removesuffix(_suffix(image)) + ".json")


def named(plain: dict[str, Any], copied: tuple[Copy, ...]) -> dict[str, Any]:
    """The resolved study with the copies' names in the place of the originals' paths."""
    for copy in copied:
        section: Any = plain
        for key in copy.setting[:-1]:
            section = section[key]
        section[copy.setting[-1]] = copy.files[0][1].name
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
