"""Writing the record beside journal and volumes: at arm what the run rests on, at its end the tables. All of it can be written anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rtfmri
from rtfmri.errors import StudyError
from rtfmri.messages import Envelope
from rtfmri.record.confounds import confounds
from rtfmri.record.copies import copies, write_copies
from rtfmri.record.durable import write_json, write_whole
from rtfmri.record.events import events
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import DERIVATIVES, RunPaths
from rtfmri.record.nf_series import nf_series
from rtfmri.record.physio import compressed
from rtfmri.record.physio_run import finish_physio
from rtfmri.record.raw import compress
from rtfmri.record.raw_reader import recorded_any
from rtfmri.record.recorded import RecordedRun, resolved_study
from rtfmri.record.report.writing import write_report
from rtfmri.record.stim import stim
from rtfmri.record.tables import write_table
from rtfmri.record.versions import versions
from rtfmri.study import Study

BIDS_VERSION = "1.10.0"
GENERATED_BY = [{"Name": "rtfmri", "Version": rtfmri.__version__}]
README = """\
Runs of real-time fMRI neurofeedback, recorded by rtfmri. Research use only. Not a medical device. Not for diagnosis or treatment.

sub-XX/ses-YY/func            every volume as the scanner gave it, and the events of the run
derivatives/rtfmri            what was computed and shown: journal (one JSON message a line), confounds, neurofeedback series,
                              the study's settings, reference, masks, versions

`rtfmri replay` computes a run again from these files.
"""
NOT_BIDS = """\
*_journal.jsonl
*_report.html
*_timeseries.*
*_statmap.*
*_boldref.*
*_study.json
*-versions.json
*_allocation.*
*_weights.*
figures
"""  # derivatives that the specification has no names for yet, written as fMRIPrep does


def write_setting(paths: RunPaths, study: Study) -> None:
    """At arm: the dataset's descriptions (where there are none yet), the resolved study, the versions.

    Raises
    ------
    StudyError : a file cannot be written, or two regions would share a file.
    """
    plain = resolved_study(study, paths)
    try:
        _describe(paths.out, {"Name": study.study.name, "DatasetType": "raw"})
        _describe(paths.out / DERIVATIVES, {"Name": f"{study.study.name}: rtfmri", "DatasetType": "derivative"})
        ignored = paths.out / DERIVATIVES / ".bidsignore"
        if not ignored.exists():
            write_whole(ignored, [NOT_BIDS.encode()])
        for dataset in (paths.out, paths.out / DERIVATIVES):
            if not any(dataset.glob("README*")):
                write_whole(dataset / "README", [README.encode()])
        write_copies(copies(study, paths))
        write_json(paths.study, plain)
        write_json(paths.versions, versions())
    except OSError as error:
        raise _cannot_write(paths.out, error) from None


def finish_record(paths: RunPaths) -> None:
    """After a run, from what is on the disk alone: compress the volumes, write the tables. May be called again.

    Raises
    ------
    StudyError : the journal or the volumes cannot be read, or a file cannot be written; nothing that was recorded is lost.
    """
    envelopes = read_journal(paths.journal)
    write_outputs(paths, envelopes)
    try:
        finish_physio(paths, envelopes)
        if not paths.bold.exists() and recorded_any(paths.bold):
            compress(paths.bold_growing)
    except OSError as error:
        raise _cannot_write(paths.out, error) from None


def finish_report(paths: RunPaths) -> str:
    """Write the report of a finished run; why it could not be written, in one sentence, or nothing. Never raises: the record is whole."""
    try:
        write_report(RecordedRun.open(paths.journal))
    except StudyError as error:
        return str(error)
    except Exception as error:  # a mistake of ours in a page for people must not look like a record that failed
        return f"The report of {paths.entities.label} could not be made ({type(error).__name__}: {error}); the record is whole."
    return ""


def write_outputs(paths: RunPaths, envelopes: Sequence[Envelope]) -> None:
    """The tables: confounds, neurofeedback series, events, what was on the glass.

    Raises
    ------
    StudyError : a file cannot be written; the journal still holds everything.
    """
    try:
        write_table(paths.confounds, confounds(envelopes))
        write_table(paths.nf, nf_series(envelopes))
        write_table(paths.events, events(envelopes))
        _write_stim(paths, envelopes)
    except OSError as error:
        raise _cannot_write(paths.out, error) from None


def _write_stim(paths: RunPaths, envelopes: Sequence[Envelope]) -> None:
    seen = stim(envelopes)
    if seen is not None:
        write_whole(paths.stim, compressed(seen.rows))
        write_json(paths.stim.with_name(paths.stim.name.removesuffix(".tsv.gz") + ".json"), seen.sidecar)


def _describe(dataset: Path, description: dict[str, Any]) -> None:
    path = dataset / "dataset_description.json"
    if not path.exists():  # a lab's own words are not overwritten
        write_json(path, {**description, "BIDSVersion": BIDS_VERSION, "GeneratedBy": GENERATED_BY})


def _cannot_write(out: Path, error: OSError) -> StudyError:
    return StudyError(f"{error.filename or out} cannot be written ({error.strerror}); free some space or choose another output folder.")
