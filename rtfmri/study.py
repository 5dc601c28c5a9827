"""One study file (TOML) -> one frozen ``Study``. Every mistake is reported at once, in an operator's words.

Times in seconds (``_s``), lengths in millimetres (``_mm``). Paths in the file are relative to the file. What the file leaves out gets
the default that stands here; ``SCIENCE`` defaults are advice that a lab may change.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rtfmri.errors import StudyError
from rtfmri.messages import DisplaySettings, Entities, RunKind, Vector
from rtfmri.paradigm import Block, lay_out

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NOT_A_TASK = ("wait", "show", "rate")
SHORT_REST_S = 30.0


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class General(_Section):
    name: str = Field(min_length=1)
    accept_provisional_by: str | None = None  # who answers for provisional regions in feedback runs


class SeriesRule(_Section):
    """Which series is the run; what is left out is not asked."""

    protocol: str | None = None  # shell pattern, such as "bold_nf*"
    number: int | None = None
    moco: bool = False  # the scanner's own motion-corrected series instead of the raw one
    echo: int | None = Field(default=None, ge=1, le=32)  # of several; None: the first
    echo_weights: tuple[float, ...] = ()  # of echo 1, 2, ...: their weighted mean is the run

    @model_validator(mode="after")
    def _one_way(self) -> SeriesRule:
        if self.echo_weights and self.echo is not None:
            raise ValueError("give either echo (take that one) or echo_weights (combine them)")
        if self.echo_weights and (min(self.echo_weights) < 0 or sum(self.echo_weights) <= 0):
            raise ValueError("echo_weights must not be negative, nor all zero")
        return self

    @property
    def echoes(self) -> tuple[int, ...]:
        """The numbers of the echoes that are wanted."""
        weighted = tuple(number for number, weight in enumerate(self.echo_weights, start=1) if weight > 0)
        return weighted or (self.echo or 1,)


class Acquisition(_Section):
    series: SeriesRule = SeriesRule()
    tr_s: float | None = Field(default=None, gt=0, le=20)  # expected; the first volume confirms it
    dummies: int = Field(default=0, ge=0, le=100)
    missing_after_tr: float = Field(default=0.5, ge=0, le=10)  # given up so long after a later volume is whole
    silence_s: float = Field(default=60.0, gt=0)


class RoiRule(_Section):
    """A region: either a mask on the EPI's own grid, or a sphere in MNI space (which ``prepare`` brings to the grid)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    weight: float
    mask: Path | None = None
    sphere_mni_mm: Vector | None = None
    radius_mm: float = Field(default=8.0, gt=0)
    provisional: bool = False  # a sphere is provisional whatever is said here

    @model_validator(mode="after")
    def _one_source(self) -> RoiRule:
        if (self.mask is None) == (self.sphere_mni_mm is None):
            raise ValueError("give either mask (a NIfTI on the EPI's grid) or sphere_mni_mm")
        return self


class CycleBlock(_Section):
    block: str = Field(min_length=1)
    s: float = Field(gt=0)


class ParadigmRule(_Section):
    cycle: tuple[CycleBlock, ...] = Field(min_length=1)
    repeat: int = Field(default=1, ge=1)
    final_rest_s: float = Field(default=0.0, ge=0)
    rest: tuple[str, ...] = ("rest",)
    regulate: tuple[str, ...] | None = None  # None: every block that is neither rest nor wait, show, rate

    def role(self, name: str) -> str:
        if name in self.rest:
            return "rest"
        regulates = name not in NOT_A_TASK if self.regulate is None else name in self.regulate
        return "regulate" if regulates else "other"

    def parts(self) -> list[tuple[str, float, str]]:
        """(name, duration_s, role) of every block after the dummies."""
        cycle = [(part.block, part.s, self.role(part.block)) for part in self.cycle]
        final = [(self.rest[0], self.final_rest_s, "rest")] if self.final_rest_s > 0 else []
        return cycle * self.repeat + final


class BaselineWindow(_Section):
    """Which volumes of a rest block are its baseline: from max(onset + onset_s, end - last_s) to end + lag_s."""

    onset_s: float = Field(default=18.0, ge=0)
    last_s: float = Field(default=13.0, gt=0)
    lag_s: float = Field(default=2.0, ge=0, le=4.0)


class Signal(_Section):
    nuisance: tuple[Literal["drift", "motion6"], ...] = ("drift", "motion6")
    baseline: BaselineWindow = BaselineWindow()
    smooth_volumes: int = Field(default=3, ge=1, le=30)
    range_percent: float = Field(default=1.0, gt=0)
    settled_se_percent: float = Field(default=0.5, gt=0)  # values with a larger standard error are `settling`


class Quality(_Section):
    fd_hold_mm: float = Field(default=0.5, gt=0)
    fd_note_mm: float = Field(default=0.2, gt=0)
    stale_after_tr: float = Field(default=2.5, gt=0)
    stale_after_s: float = Field(default=2.0, gt=0)  # whichever of the two is longer
    pause_after_s: float = Field(default=10.0, gt=0)


class Registration(_Section):
    reference: Literal["first"] | Path = "first"  # the run's first good volume after the dummies, or a NIfTI file


class RunPlan(_Section):
    kind: RunKind = "feedback"


class Stream(_Section):
    """``port`` carries messages; port + 1 the snapshot, + 2 the returns of displays, + 3 control (always on loopback)."""

    bind: str = "127.0.0.1"
    port: int = Field(default=5560, ge=1024, le=65532)


class Display(_Section):
    feedback: Literal["continuous", "intermittent"] = "intermittent"
    view: Literal["circle"] = "circle"
    language: str = "en"
    flip: Literal["none", "x", "y", "180"] = "none"

    def settings(self) -> DisplaySettings:
        return DisplaySettings(**self.model_dump())


def _unique(rois: tuple[RoiRule, ...]) -> tuple[RoiRule, ...]:
    names = [roi.name for roi in rois]
    if len(set(names)) < len(names):
        raise ValueError("two regions have the same name; give each its own")
    return rois


class Study(_Section):
    """Everything that a study decides before its first volume."""

    study: General
    acquisition: Acquisition = Acquisition()
    roi: Annotated[tuple[RoiRule, ...], Field(min_length=1), AfterValidator(_unique)]
    paradigm: ParadigmRule
    signal: Signal = Signal()
    quality: Quality = Quality()
    registration: Registration = Registration()
    run: tuple[RunPlan, ...] = (RunPlan(),)
    stream: Stream = Stream()
    display: Display = Display()

    @model_validator(mode="after")
    def _baseline_fits(self) -> Study:
        rests = [s for _, s, role in self.paradigm.parts() if role == "rest"]
        if not rests:
            raise ValueError("paradigm.cycle: there is no rest block; the signal change needs one before each regulation block")
        if min(rests) < SHORT_REST_S and "baseline" not in self.signal.model_fields_set:
            raise ValueError(
                f"signal.baseline: rests shorter than {SHORT_REST_S:g} s (here {min(rests):g} s) need their own window; "
                "set onset_s, last_s and lag_s"
            )
        return self

    @property
    def task(self) -> str:
        """The study's name as a BIDS task label."""
        return re.sub(r"[^A-Za-z0-9]", "", self.study.name) or "nf"

    def blocks(self, tr_s: float | None) -> tuple[Block, ...]:
        """Blocks of a run from time zero; without a TR the dummies are left out."""
        return lay_out(self.paradigm.parts(), self.acquisition.dummies * (tr_s or 0.0))

    def plan(self, entities: Entities) -> RunPlan:
        """The ``[[run]]`` of this run number; the last one serves all that follow."""
        return self.run[min(entities.run, len(self.run)) - 1]

    def stale_after_s(self, tr_s: float | None) -> float:
        """How long without a volume until the display rests."""
        return max(self.quality.stale_after_tr * (tr_s or 0.0), self.quality.stale_after_s)

    def resolved(self) -> dict[str, Any]:
        """Every setting, defaults included, as plain data."""
        plain: dict[str, Any] = json.loads(self.model_dump_json())
        return plain


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError : the file cannot be read, is no TOML, or holds mistakes; all of them are in ``problems``.
    """
    plain = _plain(path)
    try:
        return parse_study(plain, path.parent)
    except StudyError as error:
        raise StudyError(*(f"{path.name}: {problem}" for problem in error.problems)) from None


def load_series_rule(path: Path) -> SeriesRule:
    """Which series is the run by a study file whose masks need not be there yet.

    Raises
    ------
    StudyError : as ``load_study``, but for files that the study names.
    """
    plain = _plain(path)
    try:
        return Study.model_validate(plain).acquisition.series
    except ValidationError as error:
        raise StudyError(*(f"{path.name}: {problem}" for problem in _all_in_words(error.errors()))) from None


def _plain(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"The study file {path} is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise StudyError(f"The study file {path} cannot be read ({reason}); check the path.") from None


def parse_study(plain: dict[str, Any], folder: Path) -> Study:
    """A study from plain data; relative paths are taken from ``folder``.

    Raises
    ------
    StudyError : with every mistake in ``problems``.
    """
    try:
        study = Study.model_validate(plain)
    except ValidationError as error:
        raise StudyError(*_all_in_words(error.errors())) from None
    study = _absolute(study, folder)
    _refuse_absent_files(study)
    return study


def _absolute(study: Study, folder: Path) -> Study:
    rois = tuple(roi.model_copy(update={"mask": folder / roi.mask}) if roi.mask else roi for roi in study.roi)
    registration = study.registration
    if isinstance(registration.reference, Path):
        registration = registration.model_copy(update={"reference": folder / registration.reference})
    return study.model_copy(update={"roi": rois, "registration": registration})


def _refuse_absent_files(study: Study) -> None:
    problems = [
        f"roi {roi.name}: the mask {roi.mask} is not there; correct the path." for roi in study.roi if roi.mask and not roi.mask.is_file()
    ]
    reference = study.registration.reference
    if isinstance(reference, Path) and not reference.is_file():
        problems.append(f"registration.reference: {reference} is not there; correct the path, or write 'first'.")
    if problems:
        raise StudyError(*problems)


def _all_in_words(details: list[Any]) -> list[str]:
    """Every mistake once: a list whose items were refused is not called empty as well."""
    within = {detail["loc"][:depth] for detail in details for depth in range(1, len(detail["loc"]))}
    return [_in_words(detail) for detail in details if detail["type"] != "too_short" or detail["loc"] not in within]


def _in_words(detail: Any) -> str:
    """One mistake as a sentence: where, what, and what was found."""
    place = ".".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in detail["loc"])
    kind, found = detail["type"], detail["input"]
    if kind == "missing":
        return f"{place}: this is needed and is not there."
    if kind == "extra_forbidden":
        return f"{place}: there is no such setting; check the spelling."
    said = re.sub(r"^(Value error, |Input )", "", str(detail["msg"]))
    if kind == "value_error":
        return f"{place}: {said}." if place else f"{said}."
    return f"{place}: {said} (found {found!r})."
