"""Open blind runs after a study: an audit line first, then the tables with own values and condition beside the blinded ones.

Files, in the run's derivatives folder: ``desc-nfUnblinded_timeseries.tsv`` and ``.json``; in the dataset: ``unblinding_audit.jsonl``.
Journal and blinded tables stay as they are. Nothing is opened before the audit line is on the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from nacl.public import PrivateKey

import rtfmri
from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, RunStop, VolumeMessage
from rtfmri.record.durable import write_json, write_whole
from rtfmri.record.layout import DERIVATIVES, JOURNAL, RunPaths
from rtfmri.record.nf_series import nf_series
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.summary import of_kind
from rtfmri.record.tables import Cell, Column, Table, tabulate, to_tsv
from rtfmri.sham.allocation import Entry, open_allocation, public_key_of
from rtfmri.sham.audit import Chain, append, read_chain
from rtfmri.sham.blinding import all_opened, is_blind
from rtfmri.sham.keeping import kept_allocation

AUDIT = DERIVATIVES / "unblinding_audit.jsonl"
UNDER = "UnblindedUnder"  # in a table's sidecar: hash of the audit line
UNBLINDED = "desc-nfUnblinded_timeseries"
CONDITIONS = (
    ("own", "the participant's own value"),
    ("yoked", "another participant's values"),
    ("control_roi", "the study's control combination of regions"),
    ("none", "no feedback"),
)
VolumeColumn = Column[VolumeMessage]
SHOWN = (
    VolumeColumn("control", "Where the shown value comes from.", lambda v: v.control, levels=CONDITIONS),
    VolumeColumn("own_feedback", "What the own value would have shown, -1 to 1 of the range.", lambda v: v.own_feedback),
    VolumeColumn("own_validity", "What the own value is worth; validity is that of what was shown.", lambda v: v.own_validity),
    VolumeColumn("control_feedback", "What the control combination would have shown, -1 to 1.", lambda v: v.control_feedback),
)


@dataclass(frozen=True)
class Who:
    """Who asks for it, why, and the time (UTC)."""

    by: str
    reason: str
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)


def unblinded_table(paths: RunPaths) -> Path:
    return paths.folder / f"{paths.entities.label}_{UNBLINDED}.tsv"


def blind_runs(source: Path) -> list[RecordedRun]:
    """The blind runs that ``source`` (a journal, a run's folder, a dataset) holds.

    Raises
    ------
    StudyError : there is none, or one of them is not over.
    """
    journals = sorted(source.rglob(f"*{JOURNAL}")) if source.is_dir() else [source]
    runs = [run for run in map(RecordedRun.open, journals) if is_blind(run.envelopes)]
    if not runs:
        raise StudyError(f"{source} holds no run whose values are sealed; check the path.")
    going_on = [run.entities.label for run in runs if not of_kind(run.envelopes, RunStop)]
    if going_on:
        raise StudyError(f"{', '.join(going_on)} is not over; nothing was opened. Wait for its end, or resume and stop it.")
    return runs


def unblind(runs: Sequence[RecordedRun], key: PrivateKey, who: Who) -> list[Path]:
    """Write the audit line of each dataset, then open its runs; the tables that were written.

    Raises
    ------
    StudyError : the key is not the one of every run, or a file cannot be read or written.
    """
    if not who.by.strip() or not who.reason.strip():
        raise StudyError("Say who opens the runs and why: --by NAME --reason TEXT; both are kept in the audit.")
    for run in runs:
        _refuse_wrong_key(run, key)
    written: list[Path] = []
    for out in dict.fromkeys(run.paths.out for run in runs):
        here = [run for run in runs if run.paths.out == out]
        line = append(
            out / AUDIT,
            {
                "when": who.clock().isoformat(timespec="seconds"),
                "by": who.by.strip(),
                "reason": who.reason.strip(),
                "runs": {run.entities.label: _digest(run.paths.journal) for run in here},
                "software": f"rtfmri {rtfmri.__version__}",
            },
        )
        written += [_write_opened(run, key, line) for run in here]
    return written


def audit_of(out: Path) -> Chain:
    """The audit of a dataset; tables without their line are among its problems.

    Raises
    ------
    StudyError : the file cannot be read.
    """
    path = out / AUDIT
    tables = sorted((out / DERIVATIVES).rglob(f"*_{UNBLINDED}.json"))
    try:
        chain = read_chain(path.read_text(encoding="utf-8")) if path.exists() else Chain((), ())
        orphans = [table.name for table in tables if not any(line in table.read_text(encoding="utf-8") for line in chain.hashes)]
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"The audit {path} cannot be read ({error}).") from None
    said = tuple(f"{name} was opened under a line that the audit does not hold." for name in orphans)
    return replace(chain, problems=chain.problems + said)


def _refuse_wrong_key(run: RecordedRun, key: PrivateKey) -> None:
    """By the public key beside the run, before anything is opened."""
    if bytes(public_key_of(kept_allocation(run.paths))) != bytes(key.public_key):
        raise StudyError(f"{run.entities.label} was sealed with another key; nothing was opened. Use the key of that study.")


def _write_opened(run: RecordedRun, key: PrivateKey, line: str) -> Path:
    path = unblinded_table(run.paths)
    entry = open_allocation(kept_allocation(run.paths), key).entry(run.entities)
    table = opened_table(all_opened(run.envelopes, key))
    try:
        write_whole(path, [to_tsv(table).encode()])
        write_json(path.with_suffix(".json"), {UNDER: line, **_about(entry), **table.sidecar})
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); free some space and unblind again.") from None
    return path


def opened_table(envelopes: Sequence[Envelope]) -> Table:
    """The neurofeedback series of opened messages, with where the shown value came from."""
    series, besides = nf_series(envelopes), tabulate(SHOWN, of_kind(envelopes, VolumeMessage))
    kept = [place for place, name in enumerate(besides.names) if name not in series.names]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*first, *(second[place] for place in kept)) for first, second in zip(series.rows, besides.rows, strict=True)
    )
    names = (*series.names, *(besides.names[place] for place in kept))
    return Table(names, rows, {**series.sidecar, **{besides.names[p]: besides.sidecar[besides.names[p]] for p in kept}})


def _about(entry: Entry | None) -> dict[str, str]:
    if entry is None:
        return {}
    about = {"ControlCondition": entry.condition, "ControlSource": entry.source, "ControlRegion": entry.region}
    return {name: value for name, value in about.items() if value}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
