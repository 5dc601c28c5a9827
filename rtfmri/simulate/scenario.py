"""One scenario file (TOML) -> one frozen ``Scenario``: what the simulated scanner and participant do. All mistakes at once.

Volumes are 0-based. Percent means percent of the local signal. The paradigm is not repeated here: ``study`` names the study file
(relative to the scenario) whose blocks the simulated participant follows.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rtfmri.errors import StudyError
from rtfmri.paradigm import Block, planned_volumes
from rtfmri.simulate.faults import Fault
from rtfmri.simulate.flavours import Flavour
from rtfmri.study import load_study

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SPHERES_MNI_MM = {"dlpfc": (42.0, 36.0, 28.0), "tpj": (60.0, -40.0, 22.0)}  # the regions that the phantom can activate

Vector = tuple[float, float, float]


def _even(n: int) -> int:
    if n % 2:
        raise ValueError("use an even number of voxels in plane")
    return n


def _known(amplitudes: dict[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    unknown = sorted(set(amplitudes) - set(SPHERES_MNI_MM))
    if unknown:
        raise ValueError(f"the phantom has no region {', '.join(unknown)}; it knows {', '.join(SPHERES_MNI_MM)}")
    return amplitudes


InPlane = Annotated[int, Field(ge=16, le=256), AfterValidator(_even)]
VoxelSize = Annotated[float, Field(ge=1, le=10)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Jump(_Section):
    """A sudden movement at ``volume``, such as a cough: there for ``volumes``, after which the fraction ``remains`` stays."""

    volume: int = Field(ge=0)
    trans_mm: Vector = (0.0, 0.0, 0.0)
    rot_deg: Vector = (0.0, 0.0, 0.0)
    volumes: int = Field(default=1, ge=1)
    remains: float = Field(default=0.0, ge=0, le=1)


class MotionRule(_Section):
    drift_mm: float = Field(default=0.0, ge=0)  # how far each translation wanders at most over the run
    drift_deg: float = Field(default=0.0, ge=0)  # and each rotation
    breathing_mm: float = Field(default=0.0, ge=0)
    task_mm: Vector = (0.0, 0.0, 0.0)  # where the head lies in every regulation block, beside all else
    task_deg: Vector = (0.0, 0.0, 0.0)
    jumps: tuple[Jump, ...] = ()


class NoiseRule(_Section):
    """Standard deviations; the physiological parts are in percent of the signal of a brain voxel."""

    thermal_tsnr: float = Field(default=120.0, gt=0)
    physiological_percent: float = Field(default=0.0, ge=0)
    autocorrelation: float = Field(default=0.4, ge=0, lt=1)  # AR(1) coefficient from one volume to the next
    correlation_fwhm_mm: float = Field(default=12.0, ge=0)
    respiratory_percent: float = Field(default=0.0, ge=0)
    respiratory_hz: float = Field(default=0.26, gt=0)
    task_respiratory_hz: float | None = Field(default=None, gt=0)  # in regulation blocks; None: it does not change
    task_breathing_percent: float = Field(default=0.0, ge=0)  # by which a block's slow breathing brightens the whole brain
    cardiac_percent: float = Field(default=0.0, ge=0)
    cardiac_hz: float = Field(default=1.08, gt=0)


class Spike(_Section):
    """One bad volume: the whole of it brighter, or one slice in its middle darker."""

    volume: int = Field(ge=0)
    kind: Literal["gain", "slice"] = "gain"
    percent: float = Field(default=3.0, gt=0, le=100)


class Scenario(_Section):
    """Everything that a simulated run is made from; the same scenario gives the same bytes."""

    study: Path
    seed: int = Field(ge=0)
    flavour: Flavour = "mosaic"  # whose files: Siemens to VE11, Siemens XA, GE, Philips
    protocol: str = Field(default="bold_nf", min_length=1, max_length=64)
    series_number: int = Field(default=7, ge=1, le=999999)
    tr_s: float = Field(gt=0, le=20)
    shape: tuple[InPlane, InPlane, Annotated[int, Field(ge=4, le=128)]]
    voxel_size_mm: tuple[VoxelSize, VoxelSize, VoxelSize]
    tilt_deg: float = Field(default=0.0, ge=-45, le=45)  # slices turned about the ear-to-ear axis; positive lifts the forehead's side
    multiband: int = Field(default=1, ge=1, le=16)  # slices excited together
    drift_percent: float = 0.0  # of the scanner, over the whole run
    saturation_percent: float = Field(default=0.0, ge=0)  # how much brighter the very first volume is
    roi_radius_mm: float = Field(default=8.0, gt=0, le=30)
    amplitudes_percent: Annotated[dict[str, tuple[float, ...]], AfterValidator(_known)]  # per region, one for each regulation block
    motion: MotionRule = MotionRule()
    noise: NoiseRule = NoiseRule()
    spikes: tuple[Spike, ...] = ()
    faults: tuple[Fault, ...] = ()  # what goes wrong while the files are written; applied in this order


@dataclass(frozen=True)
class Plan:
    """What the scenario's study asks of the run. ``reference`` is the first volume after the dummies."""

    blocks: tuple[Block, ...]
    n_volumes: int
    reference: int
    weights: dict[str, float]


def load_scenario(path: Path) -> Scenario:
    """Read a scenario, and check it against its study.

    Raises
    ------
    StudyError : with every mistake in ``problems``.
    """
    scenario = read_scenario(path)
    plan_run(scenario)
    return scenario


def read_scenario(path: Path) -> Scenario:
    """Read a scenario alone; its study, and the masks the study names, need not be there yet.

    Raises
    ------
    StudyError : the file cannot be read, is no TOML, or holds mistakes.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
        scenario = Scenario.model_validate(plain)
    except ValidationError as error:
        raise StudyError(*(f"{path.name}: {_in_words(detail)}" for detail in error.errors())) from None
    except OSError as error:
        raise StudyError(f"The scenario file {path} cannot be read ({error.strerror}); check the path.") from None
    except ValueError as error:  # TOML's own mistakes and bytes that are no text
        raise StudyError(f"The scenario file {path} is not valid TOML: {error}.") from None
    return scenario.model_copy(update={"study": path.parent / scenario.study})


def plan_run(scenario: Scenario) -> Plan:
    """The blocks of the scenario's study at its TR.

    Raises
    ------
    StudyError : the study is wrong, or the scenario does not fit it.
    """
    study = load_study(scenario.study)
    blocks = study.blocks(scenario.tr_s)
    plan = Plan(blocks, planned_volumes(blocks, scenario.tr_s), study.acquisition.dummies, {roi.name: roi.weight for roi in study.roi})
    problems = _misfits(scenario, plan, study.acquisition.tr_s)
    if problems:
        raise StudyError(*(f"{scenario.study.name} and its scenario: {problem}" for problem in problems))
    return plan


def _misfits(scenario: Scenario, plan: Plan, study_tr_s: float | None) -> list[str]:
    problems = []
    if study_tr_s not in (None, scenario.tr_s):
        problems.append(f"the study expects a TR of {study_tr_s:g} s and the scenario has {scenario.tr_s:g} s.")
    if set(plan.weights) != set(scenario.amplitudes_percent):
        problems.append(
            f"the study's regions are {sorted(plan.weights)}, those of amplitudes_percent {sorted(scenario.amplitudes_percent)}."
        )
    n_regulate = sum(block.role == "regulate" for block in plan.blocks)
    for name, amplitudes in scenario.amplitudes_percent.items():
        if len(amplitudes) != n_regulate:
            problems.append(
                f"amplitudes_percent.{name} has {len(amplitudes)} values for {n_regulate} regulation blocks; give one for each."
            )
    events: tuple[Jump | Spike | Fault, ...] = (*scenario.motion.jumps, *scenario.spikes, *scenario.faults)
    for event in events:
        if event.volume >= plan.n_volumes:
            problems.append(f"{type(event).__name__.lower()} at volume {event.volume}: the run ends with volume {plan.n_volumes - 1}.")
    return problems


def _in_words(detail: Any) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{place}: this is needed and is not there."
    if detail["type"] == "extra_forbidden":
        return f"{place}: there is no such setting; check the spelling."
    return f"{place}: {str(detail['msg']).removeprefix('Value error, ')} (found {detail['input']!r})."
