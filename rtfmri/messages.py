"""The wire: every message there is, its topic, and how it is written and read.

One message travels as two ZeroMQ frames ``[topic, payload]``; the topic is ``rtfmri/1/<kind>`` and the payload is one line of JSON, an
``Envelope`` around the message. The journal holds those same lines. Within a major version fields are only added, with defaults, and
readers ignore fields they do not know; a change that breaks readers makes a new major version, which is in the topic. JSON only: no
arrays of voxels, no NaN, no pickle. Indices of volumes and blocks are 0-based. Percent means percent signal change.

What may differ between a live run and its replay stands apart: the envelope (place in the stream, time of sending) and
``VolumeMessage.timing``. Every other field of a volume message is the same, bit for bit (``comparable``).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAJOR = 1
SCHEMA = "1.1"
TOPIC = f"rtfmri/{MAJOR}/"

Vector = tuple[float, float, float]
Validity = Literal["ok", "settling", "held", "missing"]
Severity = Literal["info", "warning", "error"]
ExitStatus = Literal["completed", "stopped", "silent", "failed"]
RunKind = Literal["localizer", "no_feedback", "feedback", "transfer"]
ControlCondition = Literal["own", "yoked", "control_roi", "none"]


class WireError(ValueError):
    """These bytes are no message of this version."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Entities(_Part):
    """BIDS entities of a run, typed by the operator; letters and digits only."""

    sub: str = Field(pattern=r"^[A-Za-z0-9]+$")
    ses: str = Field(default="01", pattern=r"^[A-Za-z0-9]+$")
    task: str = Field(default="nf", pattern=r"^[A-Za-z0-9]+$")
    run: int = Field(default=1, ge=1, le=9999)

    @property
    def label(self) -> str:
        """``sub-07_ses-01_task-nf_run-01``."""
        return f"sub-{self.sub}_ses-{self.ses}_task-{self.task}_run-{self.run:02d}"


class BlockInfo(_Part):
    """One block in seconds from time zero; ``role`` is dummy, rest, regulate or other."""

    name: str
    onset_s: float
    duration_s: float
    role: str


class RoiInfo(_Part):
    name: str
    weight: float
    n_voxels: int | None = None  # None until the grid is known
    source: str = ""
    provisional: bool = False


class DisplaySettings(_Part):
    feedback: Literal["continuous", "intermittent"] = "intermittent"
    view: Literal["circle"] = "circle"
    language: str = "en"
    flip: Literal["none", "x", "y", "180"] = "none"


class RunStart(_Part):
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


class Confirmed(_Part):
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


class Motion(_Part):
    """Reference -> volume, about the centroid of the reference's brain mask (see ``rtfmri/rigid.py``)."""

    trans_mm: Vector
    rot_rad: Vector
    fd_mm: float | None  # Power's, against the last volume; None where there is none
    converged: bool = True
    rms_mm: float | None = None  # Jenkinson's displacement against the last volume, over a sphere of 80 mm
    uncertainty_mm: float | None = None  # standard error of the estimate, 50 mm from the centre
    residual_percent: float | None = None  # what the realigned volume differs from the reference by, median slice


class RoiReading(_Part):
    raw: float  # mean of the voxels, scanner units
    cleaned: float | None = None  # nuisance taken out with the current coefficients, scanner units
    psc: float | None = None  # percent signal change against the preceding rest
    se: float | None = None  # its standard error, percent


class Timing(_Part):
    """Arrival and latencies: the only fields in which a replay may differ."""

    arrived_unix_s: float | None = None
    latency_ms: dict[str, float] = {}  # by stage: decode, assemble, queue, realign, sample, signal


class VolumeMessage(_Part):
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
    rois: dict[str, RoiReading] = {}
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


class Published(_Part):
    """Journalled and sent after a volume message: how long that volume took in all. A value of no message depends on it."""

    kind: Literal["published"] = "published"
    index: int
    published_unix_s: float
    latency_ms: dict[str, float]  # journal, publish, and total: complete file noticed -> message published


class Shown(_Part):
    """From the display: what was on the glass from this flip on. Times are the display's clock."""

    kind: Literal["shown"] = "shown"
    display: str
    index: int | None  # the volume behind the value; None where no value was shown
    state: str
    value: float | None
    flip_unix_s: float
    clock_offset_s: float | None = None  # engine's clock minus the display's, measured over the returns socket
    clock_error_s: float | None = None


class Rating(_Part):
    kind: Literal["rating"] = "rating"
    display: str
    scale: str
    value: float | None  # None: no answer in time
    start: float
    response_s: float | None
    asked_unix_s: float


class Pause(_Part):
    """The participant's own pause begins or ends."""

    kind: Literal["pause"] = "pause"
    display: str
    paused: bool
    pressed_unix_s: float


class Fault(_Part):
    kind: Literal["fault"] = "fault"
    code: str
    severity: Severity
    text: str  # one sentence in the operator's words
    advice: str = ""  # what to do
    index: int | None = None


class Operator(_Part):
    kind: Literal["operator"] = "operator"
    action: Literal["arm", "stop", "pause", "resume", "blank", "unblank", "mark"]
    note: str = ""


class Picture(_Part):
    """A picture for the console, which runs on the engine's PC: a path, never pixels."""

    kind: Literal["picture"] = "picture"
    index: int
    what: str
    path: str


class Quality(_Part):
    """From aftercare, some volumes behind: what does not gate the feedback. A value of no volume message depends on it."""

    kind: Literal["quality"] = "quality"
    index: int
    tsnr: dict[str, float] = {}  # by region, and ``brain``: mean over standard deviation so far, drift taken out
    spike_percent: float | None = None  # share of the brain's voxels that jumped
    spike_slices: tuple[int, ...] = ()  # slices (0-based) that differ from their own past
    ghost_percent: float | None = None  # signal beside the head along phase encoding, of the head's
    volumes: int = 0  # in the map so far


class RunStop(_Part):
    """Exactly one ends a run."""

    kind: Literal["run_stop"] = "run_stop"
    exit_status: ExitStatus
    reason: str
    counts: dict[str, int]  # planned, received, ok, settling, held, missing, faults
    stopped_unix_s: float


Message = Annotated[
    RunStart | Confirmed | VolumeMessage | Published | Shown | Rating | Pause | Fault | Operator | Picture | Quality | RunStop,
    Field(discriminator="kind"),
]
Return = Annotated[Shown | Rating | Pause, Field(discriminator="kind")]


class Envelope(_Part):
    """What surrounds a message on the wire and in the journal.

    ``run_uid`` tells runs (and a run repeated under the same name) apart; ``seq`` counts from 0 within it without a gap, so a listener
    that misses one notices and asks the snapshot socket.
    """

    run_uid: str
    seq: int
    sent_unix_s: float
    message: Message


_returns: TypeAdapter[Shown | Rating | Pause] = TypeAdapter(Return)


def encode(envelope: Envelope) -> bytes:
    """One line of JSON without its line end."""
    return envelope.model_dump_json().encode()


def decode(payload: bytes) -> Envelope:
    """The envelope in ``payload``.

    Raises
    ------
    WireError : no message of this major version.
    """
    try:
        return Envelope.model_validate_json(payload)
    except ValidationError as error:
        raise WireError(f"no rtfmri/{MAJOR} message: {error.error_count()} fields are wrong") from None


def frames(envelope: Envelope) -> list[bytes]:
    """``[topic, payload]`` as they are sent."""
    return [topic_of(envelope.message.kind), encode(envelope)]


def topic_of(kind: str) -> bytes:
    return f"{TOPIC}{kind}".encode()


def encode_return(message: Shown | Rating | Pause) -> bytes:
    """A display's message as it goes over the returns socket, without an envelope: the engine gives it its place."""
    return message.model_dump_json().encode()


def decode_return(payload: bytes) -> Shown | Rating | Pause:
    """Inverse of ``encode_return``.

    Raises
    ------
    WireError : no message that a display may send.
    """
    try:
        return _returns.validate_json(payload)
    except ValidationError as error:
        raise WireError(f"no message of a display: {error.error_count()} fields are wrong") from None


def comparable(message: VolumeMessage) -> dict[str, Any]:
    """The fields that a replay must give again, bit for bit: all but ``timing``."""
    fields: dict[str, Any] = json.loads(message.model_dump_json(exclude={"timing"}))
    return fields


def wire_schema() -> dict[str, Any]:
    """JSON Schema of everything on the wire; ``rtfmri/messages.schema.json`` holds it and a test guards it."""
    return Envelope.model_json_schema()
