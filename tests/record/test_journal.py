"""The journal: a line that was appended is on the disk; a disk that fails stops nothing and loses nothing."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_makers import a_volume, enveloped, volume_message

from rtfmri.errors import StudyError
from rtfmri.messages import encode
from rtfmri.record import durable
from rtfmri.record.journal import Journal, read_journal, truncate_torn_tail
from rtfmri.record.raw import read_raw

ENVELOPES = enveloped(volume_message(index) for index in range(5))
LINES = b"".join(encode(envelope) + b"\n" for envelope in ENVELOPES)
FULL = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def small_disk():
    """Files of this process cannot grow beyond the size that is set: a real write error, without a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (before[1] if size is None else size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_appended_reads_back(tmp_path):
    path = tmp_path / "deep" / "run_journal.jsonl"
    with Journal(path) as journal:
        for number, envelope in enumerate(ENVELOPES, start=1):
            journal.append(envelope)
            assert read_journal(path) == ENVELOPES[:number]  # before the file is closed
        assert journal.failed is None
    assert path.read_bytes() == LINES


def test_a_journal_is_continued(tmp_path):
    path = tmp_path / "run_journal.jsonl"
    for envelope in ENVELOPES:
        with Journal(path) as journal:
            journal.append(envelope)
    assert read_journal(path) == ENVELOPES


@given(cut=st.integers(0, len(LINES)))
def test_a_torn_last_line_is_left_out(cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("torn") / "run_journal.jsonl"
    path.write_bytes(LINES[:cut])
    whole = LINES[:cut].count(b"\n")
    assert read_journal(path) == ENVELOPES[:whole]
    with Journal(path) as journal:  # and the journal goes on as if the torn line had never been
        journal.append(ENVELOPES[4])
    assert read_journal(path) == (*ENVELOPES[:whole], ENVELOPES[4])


def test_a_last_line_whose_beginning_was_lost_is_torn_too(tmp_path):
    path = tmp_path / "run_journal.jsonl"
    path.write_bytes(LINES + b"\0" * 100 + b'"kind":"volume"}}\n')
    assert read_journal(path) == ENVELOPES
    assert truncate_torn_tail(path) == 118
    assert path.read_bytes() == LINES
    assert truncate_torn_tail(path) == 0


def test_a_damaged_line_in_the_middle_is_an_error_that_says_where(tmp_path):
    path = tmp_path / "run_journal.jsonl"
    lines = LINES.split(b"\n")
    lines[2] = lines[2][:-9]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StudyError, match="line 3 of 5"):
        read_journal(path)


def test_a_journal_that_is_not_there_is_an_error_in_words(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_journal(tmp_path / "absent_journal.jsonl")


@needs_full_device
def test_a_full_disk_keeps_the_lines_and_rescues_them_at_the_end(tmp_path):
    with Journal(FULL, fallback=tmp_path) as journal:
        for number, envelope in enumerate(ENVELOPES, start=1):
            journal.append(envelope)
            assert journal.failed is not None
            assert journal.failed.errno == errno.ENOSPC
            assert journal.waiting == number
    assert journal.rescued_to is not None
    assert journal.rescued_to.parent == tmp_path
    assert read_journal(journal.rescued_to) == ENVELOPES


def test_a_disk_that_has_space_again_gets_every_line_once(tmp_path, small_disk):
    path = tmp_path / "run_journal.jsonl"
    with Journal(path) as journal:
        journal.append(ENVELOPES[0])
        small_disk(len(LINES) // 5 + 50)  # room for a part of the second line
        journal.append(ENVELOPES[1])
        journal.append(ENVELOPES[2])
        assert journal.failed is not None
        assert read_journal(path) == ENVELOPES[:1]  # what was left half written does not count
        small_disk(None)
        journal.append(ENVELOPES[3])
        assert journal.failed is None
        assert journal.waiting == 0
        journal.append(ENVELOPES[4])
    assert path.read_bytes() == LINES


def test_the_rescued_journal_is_whole(tmp_path, monkeypatch):
    path, elsewhere = tmp_path / "run_journal.jsonl", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Journal(path, fallback=elsewhere) as journal:
        journal.append(ENVELOPES[0])
        journal.append(ENVELOPES[1])
        monkeypatch.setattr(durable.os, "pwrite", _no_space)
        journal.append(ENVELOPES[2])
    assert journal.rescued_to is not None
    assert read_journal(journal.rescued_to) == ENVELOPES[:3]
    assert read_journal(path) == ENVELOPES[:2]


def test_a_sync_that_fails_writes_the_line_again_but_not_twice(tmp_path, monkeypatch):
    path = tmp_path / "run_journal.jsonl"
    with Journal(path) as journal:
        journal.append(ENVELOPES[0])
        with monkeypatch.context() as broken:
            broken.setattr("rtfmri.record.journal.os.fsync", _broken)
            journal.append(ENVELOPES[1])
            assert journal.failed is not None
        journal.append(ENVELOPES[2])
        assert journal.failed is None
    assert read_journal(path) == ENVELOPES[:3]


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    with Journal(tmp_path / "file" / "run_journal.jsonl", fallback=tmp_path) as journal:
        journal.append(ENVELOPES[0])
        assert isinstance(journal.failed, OSError)
    assert journal.rescued_to is not None
    assert read_journal(journal.rescued_to) == ENVELOPES[:1]


def test_where_nothing_can_be_rescued_the_failure_stays_visible(tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    with Journal(tmp_path / "file" / "run_journal.jsonl", fallback=tmp_path / "absent") as journal:
        journal.append(ENVELOPES[0])
    assert journal.failed is not None
    assert journal.rescued_to is None
    assert journal.waiting == 1


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from record_makers import GRID, TR_S, a_volume, enveloped, volume_message
from rtfmri.record.journal import Journal
from rtfmri.record.raw import RawVolumes
folder = Path(sys.argv[1])
with Journal(folder / "run_journal.jsonl") as journal, RawVolumes(folder / "run_bold.nii", GRID, TR_S) as raw:
    for envelope in enveloped(volume_message(index) for index in range(20_000)):
        journal.append(envelope)
        raw.append(a_volume(envelope.message.index))
        print(envelope.message.index, flush=True)
"""


def test_a_killed_process_leaves_everything_that_it_said_was_written(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        said = [int(process.stdout.readline()) for _ in range(25)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    assert process.returncode == -signal.SIGKILL
    journalled = [envelope.message.index for envelope in read_journal(tmp_path / "run_journal.jsonl")]
    recorded = {volume.index: volume.data.tobytes() for volume in read_raw(tmp_path / "run_bold.nii").read()}
    assert journalled[: len(said)] == said
    assert list(recorded)[: len(said)] == said
    assert all(content == a_volume(index).data.tobytes() for index, content in recorded.items())


def _no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _broken(*_):
    raise OSError(errno.EIO, os.strerror(errno.EIO))
