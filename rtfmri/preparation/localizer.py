"""What a localizer run found, as it is kept beside the run and read again at arm.

``..._desc-localizer_regions.json`` says what was done; beside it lie the reference (``..._desc-localizer_boldref.nii.gz``), a mask for
each region on its grid (``..._desc-tpjLocalized_mask.nii.gz``), the t-map and a picture. The JSON names files without folders, so a
dataset may be moved.

No double dipping: a localizer run has chosen the voxels, so it must not be used to test the effect in them; the JSON says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtfmri.errors import StudyError
from rtfmri.study.signal import Signal, measure_unit

FORMAT, VERSION = "rtfmri-localizer", 1
ENDING = "_desc-localizer_regions.json"
DERIVATIVES = Path("derivatives") / "rtfmri"
WARNING = (
    "This run chose the voxels. Do not use it to test the effect in them: take other runs. effect_percent comes from blocks that did not "
    "choose the voxels, mean_t does not and is too large."
)


@dataclass(frozen=True)
class Region:
    """One region's chosen voxels; mm are RAS of the reference."""

    mask: str  # file name beside the JSON
    voxels: int
    of_voxels: int  # of the anatomical mask, with data
    share: float
    threshold_t: float
    mean_t: float
    peak_t: float
    peak_mm: tuple[float, float, float]
    effect_percent: float
    effect_se_percent: float


@dataclass(frozen=True)
class Range:
    """``full`` feedback in ``unit``, of the measure of this ``kind``."""

    full: float
    unit: str
    measure: str
    quartile: float | None
    values: int
    why: str


@dataclass(frozen=True)
class Localized:
    """What a localizer gives to the runs that follow; ``folder`` is where its files lie."""

    folder: Path
    run: str
    contrast: str
    reference: str
    settings: Mapping[str, Any]  # top_percent, contiguous, smooth_fwhm_mm, usable and received volumes
    regions: Mapping[str, Region]
    range: Range

    @property
    def masks(self) -> dict[str, Path]:
        """Each localized region's mask by its name in the study; they lie on ``reference_path``'s grid."""
        return {name: self.folder / region.mask for name, region in self.regions.items()}

    @property
    def reference_path(self) -> Path:
        return self.folder / self.reference

    def range_for(self, signal: Signal) -> float:
        """What is full feedback in a run with this signal.

        Raises
        ------
        StudyError : the localizer was of another measure.
        """
        if (self.range.measure, self.range.unit) != (signal.measure.kind, measure_unit(signal)):
            raise StudyError(
                f"signal.range_from: the localizer {self.run} measured {self.range.measure}, the study now asks for {signal.measure.kind}; "
                "localize with this study, or set range_from = 'fixed'."
            )
        return self.range.full

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self)
        del plain["folder"]
        return {"format": FORMAT, "version": VERSION, "warning": WARNING, **plain}


def load_localizer(out: Path, sub: str, ses: str) -> Localized:
    """What the session's latest localized run found (the highest run number; of several tasks the last by name).

    Raises
    ------
    StudyError : there is none, or a file of it is not there or not as it was written.
    """
    folder = out / DERIVATIVES / f"sub-{sub}" / f"ses-{ses}" / "func"
    found = sorted(folder.glob(f"*{ENDING}"), key=_order) if folder.is_dir() else []
    if not found:
        raise StudyError(f"There is no localizer of sub-{sub} ses-{ses} in {out}; run `rtfmri localize` on its localizer run first.")
    return read_localizer(found[-1])


def read_localizer(path: Path) -> Localized:
    """One localizer's JSON.

    Raises
    ------
    StudyError : it, a mask or the reference is not there or not as it was written.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if (plain["format"], plain["version"]) != (FORMAT, VERSION):
            raise ValueError(f"it is no {FORMAT} of version {VERSION}")
        regions = {name: Region(**(region | {"peak_mm": tuple(region["peak_mm"])})) for name, region in plain["regions"].items()}
        kept = {name: plain[name] for name in ("run", "contrast", "reference", "settings")}
        localized = Localized(folder=path.parent, regions=regions, range=Range(**plain["range"]), **kept)
        if not (math.isfinite(localized.range.full) and localized.range.full > 0.0):
            raise ValueError("its range is not above 0")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(f"{path} cannot be used ({error}); run `rtfmri localize` again.") from None
    missing = [file.name for file in (*localized.masks.values(), localized.reference_path) if not file.is_file()]
    if missing:
        raise StudyError(f"{', '.join(missing)} is not beside {path.name}; put it back, or run `rtfmri localize` again.")
    return localized


def _order(path: Path) -> tuple[int, str]:
    number = path.name.rpartition("_run-")[2].partition("_")[0]
    return (int(number) if number.isdigit() else 0), path.name
