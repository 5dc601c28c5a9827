"""``rtfmri replay``: a recording through the same pipeline again, and whether its values are the same bits."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console

from rtfmri.acquisition.recorded import read_recording
from rtfmri.cli.summing import print_summary
from rtfmri.cli.wiring import CLOCKS, bar, entities_of, ports_of, speed_of, tell_maps, tell_rescued
from rtfmri.engine.opening import Opened, opened
from rtfmri.engine.physiology import recorded_origin
from rtfmri.engine.replay import Decisions, decisions_of, replay
from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Envelope, Fault, RunStop
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.record.outputs import finish_record
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allot import key_for
from rtfmri.sham.replaying import compare_passes
from rtfmri.stream.publisher import Publisher
from rtfmri.study import Study, load_study
from rtfmri.volume import EndOfSource, SourceItem, Volume

DEFAULT_OUT = Path("rtfmri_replay")
MAPS_WITHIN_S = 600.0
SHED = ("_shed", "_again")  # codes of aftercare's faults about its own lag
Labels = tuple[str | None, str, int | None]


@dataclass(frozen=True)
class Recording:
    """What is replayed: the items, how many to expect, the study, and the live run whose decisions are obeyed."""

    items: Callable[[], Iterator[SourceItem]]
    expected: int | None
    study: Study
    live: RecordedRun | None

    @property
    def decisions(self) -> Decisions:
        return Decisions() if self.live is None else decisions_of(self.live.envelopes)


def replay_source(
    source: Path,
    study_file: Path | None,
    speed: str,
    out: Path | None,
    verify: bool,
    against: Path | None,
    shuffle: int | None,
    labels: Labels,
    port: int | None,
) -> int:
    """Replay, say what came out; 1 where the run failed or a verified value differs."""
    pace = speed_of(speed)
    recording = _recording(source, study_file, against, shuffle)
    console = Console()
    with ExitStack() as stack:
        folder = out or (Path(stack.enter_context(tempfile.TemporaryDirectory())) if verify else DEFAULT_OUT)
        run = _replayed(recording, folder, _entities(recording, folder, labels), pace, port, out is not None or not verify, console)
        again = read_journal(run.paths.journal)
        print_summary(again, console)
        if out or not verify:
            console.print(f"The record lies in {run.paths.folder}.", soft_wrap=True)
        if _failed(again):
            return 1
        if not (verify or against):
            return 0
        return _verified(recording, source, study_file, run, again, console)


def _recording(source: Path, study_file: Path | None, against: Path | None, shuffle: int | None) -> Recording:
    """Find out what ``source`` is.

    Raises
    ------
    StudyError : it is none of the three kinds, or a study is needed and not given.
    """
    if not source.exists():
        raise StudyError(f"{source} is not there; check the path.")
    study = None if study_file is None else load_study(study_file)
    live = None if against is None else RecordedRun.open(against)
    if source.name.endswith("_journal.jsonl") or (source.is_dir() and any(source.rglob("*_journal.jsonl"))):
        recorded = RecordedRun.open(source)
        return Recording(lambda: _recorded_items(recorded), len(recorded.messages), study or recorded.study, live or recorded)
    study = study or (live.study if live else None)
    if study is None:
        raise StudyError(f"{source} is no recorded run, which would bring its own study; name the study file with --study.")
    settings = study.acquisition
    obeyed = frozenset(decisions_of(live.envelopes).missing) if live else frozenset()
    if source.is_dir():
        order = None if shuffle is None else _shuffled(shuffle)
        expected = sum(1 for path in source.rglob("*") if path.is_file())
        return Recording(lambda: read_recording(source, settings, obey_missing=obeyed, order=order), expected, study, live)
    return Recording(lambda: read_recording(source, settings, obey_missing=obeyed), None, study, live)


def _shuffled(seed: int) -> Callable[[list[Path]], list[Path]]:
    def order(files: list[Path]) -> list[Path]:
        return random.Random(seed).sample(files, len(files))

    return order


def _recorded_items(recorded: RecordedRun) -> Iterator[SourceItem]:
    yield from recorded.volumes()
    stops = [e.message for e in recorded.envelopes if isinstance(e.message, RunStop)]
    yield EndOfSource(stops[-1].reason if stops else "the recorded run was cut off here")


def _entities(recording: Recording, out: Path, labels: Labels) -> Entities:
    sub, ses, run = labels
    if sub is None and recording.live is not None:
        return recording.live.entities
    return entities_of(recording.study, out, sub or "replay", ses, run)


def _replayed(recording: Recording, out: Path, entities: Entities, pace: float, port: int | None, cared: bool, console: Console) -> Opened:
    if RunPaths(out, entities).journal.exists():  # a live run would be resumed; a replay begins anew
        raise StudyError(f"{out} already holds a record of {entities.label}; choose another --out or --run.")
    said: SimpleQueue[object] = SimpleQueue()
    with ExitStack() as stack:
        publish: Callable[[Envelope], None] = _nobody
        publisher = None
        if pace != float("inf") or port is not None:
            publisher = stack.enter_context(Publisher(ports_of(recording.study, port)))
            publish = publisher.publish
        live = recording.live.envelopes if recording.live else ()
        listener, belt = _listener(said, pace) if cared else None, recorded_origin(recording.study, recording.live)
        run = stack.enter_context(opened(recording.study, entities, out, publish, CLOCKS, live, listener, belt))
        if publisher is not None:
            publisher.open_run(run.run.armed.run_uid, run.history)
        items = stack.enter_context(_watched(recording, console))
        replay(run.run, items, recording.decisions, _pace(pace), said)
    tell_rescued(run, Console(stderr=True))
    _wait_for_maps(run, console)
    finish_record(run.paths)
    return run


def _listener(said: SimpleQueue[object], pace: float) -> Callable[[object], None]:
    """At full speed aftercare is always behind: that is no fault."""
    if pace != float("inf"):
        return said.put
    return lambda message: None if isinstance(message, Fault) and message.code.endswith(SHED) else said.put(message)


def _wait_for_maps(run: Opened, console: Console) -> None:
    """A replay at full speed is ahead of its aftercare; the record is whole when that has caught up."""
    whole = run.maps(0.0)
    if whole is None:
        with console.status("finishing the statistical map"):
            whole = run.maps(MAPS_WITHIN_S)
    tell_maps(whole, console)


@contextmanager
def _watched(recording: Recording, console: Console) -> Iterator[Iterator[SourceItem]]:
    """The items, with a progress bar while they last."""
    with bar(console) as progress:
        task = progress.add_task("replaying", total=recording.expected)

        def items() -> Iterator[SourceItem]:
            for item in recording.items():
                yield item
                if isinstance(item, Volume):
                    progress.advance(task)

        yield items()


def _pace(speed: float) -> Callable[[Volume], None]:
    """Wait until each volume is due; absolute deadlines, so lateness does not add up."""
    start_s = time.monotonic()

    def wait(volume: Volume) -> None:
        left_s = start_s + volume.index * volume.tr_s / speed - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)

    return wait


def _nobody(_envelope: Envelope) -> None:
    """A replay at full speed is recorded, not published: no display could follow it."""


def _failed(envelopes: tuple[Envelope, ...]) -> bool:
    return any(isinstance(e.message, RunStop) and e.message.exit_status == "failed" for e in envelopes)


def _verified(
    recording: Recording, source: Path, study_file: Path | None, run: Opened, again: tuple[Envelope, ...], console: Console
) -> int:
    if recording.live is None:
        return _second_pass(source, study_file, run)
    result, words = compare_passes(recording.live.envelopes, again, key_for(recording.study))
    for sentence in words:
        console.print(sentence, style="bold green" if result.identical else "bold red", soft_wrap=True)
    return 0 if result.identical else 1


def _second_pass(source: Path, study_file: Path | None, run: Opened) -> int:
    """The same source once more, in a fresh process, with shuffled arrivals where they are files."""
    command = [sys.executable, "-m", "rtfmri", "replay", str(source), "--against", str(run.paths.journal), "--verify"]
    command += ["--study", str(study_file)] if study_file else []
    command += ["--shuffle", "1"] if source.is_dir() else []
    return subprocess.run(command, check=False).returncode
