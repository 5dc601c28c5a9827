"""What the engine says of a run. Percent means percent signal change.

What may differ between a live run and its replay stands apart: the envelope (place in the stream, time of sending) and
``VolumeMessage.timing``. Every other field of a volume message is the same, bit for bit (``messages.comparable``).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rtfmri.messages.base import SCHEMA, Entities, Part
from rtfmri.messages.display import DisplaySettings

Vector = tuple[float, float, float]
Validity = Literal["ok", "settling", "held", "missing"]
Severity = Literal["info", "warning", "error"]
ExitStatus = Literal["completed", "stopped", "silent", "failed"]
RunKind = Literal["localizer", "no_feedback", "feedback", "transfer"]
ControlCondition = Literal["own", "yoked", "control_roi", "none"]


class BlockInfo(Part):
    """One block in seconds from time zero; ``role`` is dummy, rest, regulate or other."""

    name: str
    onset_s: float
    duration_s: float
    role: str


class RoiInfo(Part):
    name: str
    weight: float
    n_voxels: int | None = None  # None until the grid is known
    source: str = ""
    provisional: bool = False


class RunStart(Part):
    """Sent at arm: everything a listener needs, so no config file lies on the stimulus PC.

    Where the study gives no TR, ``tr_s`` is None, ``blocks`` leave out the dummies, and ``Confirmed`` brings the final ones.
    """

    kind: Literal["run_start"] = "run_start"
    schema_version: str = SCHEMA
    software: str
    study: str
    entities: Entities
    run_kind: RunKind
    run_uid: str
    started_unix_s: float
    tr_s: float | None
    dummies: int
    planned_volumes: int | None
    blocks: tuple[BlockInfo, ...]
    rois: tuple[RoiInfo, ...]
    range_percent: float
    measure: str = "difference"
    unit: str = "percent"  # of ``VolumeMessage.value`` and ``score``: percent, z, r, decision or value
    display: DisplaySettings
    fd_hold_mm: float
    stale_after_s: float
    pause_after_s: float
    resumed: bool = False
    blind: bool = False  # regulation and regions are sealed in this study's messages, whatever the condition


class Confirmed(Part):
    """Sent with the first volume: TR, grid and therefore the final blocks."""

    kind: Literal["confirmed"] = "confirmed"
    tr_s: float
    shape: tuple[int, int, int]
    voxel_size_mm: Vector
    planned_volumes: int
    blocks: tuple[BlockInfo, ...]
    rois: tuple[RoiInfo, ...]
    stale_after_s: float | None = None  # as in RunStart, which did not know the TR
    scanner_zero_s: float | None = None  # scanner's clock at time zero, seconds since midnight; a resumed run goes on with it


class Motion(Part):
    """Reference -> volume, about the centroid of the reference's brain mask (see ``rtfmri/rigid.py``)."""

    trans_mm: Vector
    rot_rad: Vector
    fd_mm: float | None  # Power's, against the last volume; None where there is none
    converged: bool = True
    rms_mm: float | None = None  # Jenkinson's displacement against the last volume, over a sphere of 80 mm
    uncertainty_mm: float | None = None  # standard error of the estimate, 50 mm from the centre
    residual_percent: float | None = None  # what the realigned volume differs from the reference by, median slice


class RoiReading(Part):
    raw: float  # mean of the voxels, scanner units
    cleaned: float | None = None  # nuisance taken out with the current coefficients, scanner units
    psc: float | None = None  # percent signal change against the preceding rest
    se: float | None = None  # its standard error, percent


class Timing(Part):
    """Arrival and latencies: the only fields in which a replay may differ."""

    arrived_unix_s: float | None = None
    latency_ms: dict[str, float] = Field(default_factory=dict)  # by stage: decode, assemble, queue, realign, sample, signal


class VolumeMessage(Part):
    """One for every volume number, missing ones included, in order."""

    kind: Literal["volume"] = "volume"
    index: int
    condition: str | None
    block: int | None
    validity: Validity
    why: str = ""
    acquired_s: float | None = None  # since time zero, by the scanner's clock
    motion: Motion | None = None
    dvars_percent: float | None = None
    flagged: bool = False  # left out of GLM and baseline
    bad_slices: tuple[int, ...] = ()  # slices (0-based) whose voxels differ far more than the others'
    rois: dict[str, RoiReading] = Field(default_factory=dict)
    regulation: float | None = None  # percent; the participant's own
    regulation_se: float | None = None
    score: float | None = None  # the measure over the last finished block, in RunStart.unit
    score_se: float | None = None
    score_block: int | None = None
    value: float | None = None  # the study's measure, in RunStart.unit; the difference's is the regulation itself
    value_se: float | None = None
    late: bool = False  # a lab's own function missed its time limit: a replay obeys
    physio_samples: int | None = None  # of belt and pulse that had come, which its columns rest on: a replay obeys
    physio_zero_s: float | None = None  # time zero among them, seconds from the first
    feedback: float | None = None  # what the display may show, -1 ... 1 of the range; None: nothing new
    control: ControlCondition | None = None  # where ``feedback`` comes from; None: the study has no allocation
    own_feedback: float | None = None  # what the participant's own value would have shown
    own_validity: Validity | None = None  # what the own value is worth; ``validity`` is that of what is shown
    control_feedback: float | None = None  # what the study's control combination would have shown
    sealed: str | None = None  # blind study: every field that is not in the clear, encrypted; see rtfmri/sham/README.md
    timing: Timing = Timing()


class Published(Part):
    """Journalled and sent after a volume message: how long that volume took in all. A value of no message depends on it."""

    kind: Literal["published"] = "published"
    index: int
    published_unix_s: float
    latency_ms: dict[str, float]  # journal, publish, and total: complete file noticed -> message published


class Fault(Part):
    kind: Literal["fault"] = "fault"
    code: str
    severity: Severity
    text: str  # one sentence in the operator's words
    advice: str = ""  # what to do
    index: int | None = None


class Operator(Part):
    kind: Literal["operator"] = "operator"
    action: Literal["arm", "stop", "pause", "resume", "blank", "unblank", "card", "uncard", "mark"]  # card: the set-up card
    note: str = ""


class Picture(Part):
    """A picture for the console, which runs on the engine's PC: a path, never pixels."""

    kind: Literal["picture"] = "picture"
    index: int
    what: str
    path: str


class Quality(Part):
    """From aftercare, some volumes behind: what does not gate the feedback. A value of no volume message depends on it."""

    kind: Literal["quality"] = "quality"
    index: int
    tsnr: dict[str, float] = Field(default_factory=dict)  # by region, and ``brain``: mean over standard deviation so far, drift taken out
    spike_percent: float | None = None  # share of the brain's voxels that jumped
    spike_slices: tuple[int, ...] = ()  # slices (0-based) that differ from their own past
    ghost_percent: float | None = None  # signal beside the head along phase encoding, of the head's
    volumes: int = 0  # in the map so far


class RunStop(Part):
    """Exactly one ends a run."""

    kind: Literal["run_stop"] = "run_stop"
    exit_status: ExitStatus
    reason: str
    counts: dict[str, int]  # planned, received, ok, settling, held, missing, faults
    stopped_unix_s: float
