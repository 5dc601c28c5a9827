"""``rtfmri demo``: a whole session in front of the user, each part a real process, then its replays and a verdict.

The engine and the display are started as their users start them; the scanner is simulated and rendered before the run. Its trigger is a
byte for each volume on a pseudo-terminal, which the display reads as a serial port. The status is a listener in this process.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from rtfmri.cli.judging import complaints, correlation_with_truth, values_in_time
from rtfmri.cli.screen import screen
from rtfmri.cli.status import watch_run
from rtfmri.cli.summing import print_summary
from rtfmri.cli.wiring import bar
from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.record.glass import glass_summary
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.simulate.render import render
from rtfmri.simulate.scanner import Written, listed_files, play
from rtfmri.simulate.scenario import Scenario, load_scenario
from rtfmri.simulate.trigger import EXPORT_S, PulseLine, beat, pulse_line
from rtfmri.simulate.truth import read_truth
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports, free_base
from rtfmri.study import load_study

SCENARIO = Path(__file__).parents[2] / "sim_data" / "demo_scenario.toml"
READY_S = 180.0  # the first time, kernels are compiled and PsychoPy builds its font cache
END_S = 120.0
START_S = 1.0  # until the simulated scanner's first pulse


@dataclass(frozen=True)
class Places:
    """Where the demo's things lie."""

    folder: Path

    @property
    def rendered(self) -> Path:
        return self.folder / "scanner"

    @property
    def watched(self) -> Path:
        return self.folder / "export"

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    @property
    def screenshots(self) -> Path:
        return self.folder / "screenshots"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def run_demo(out: Path, display: bool, scenario_file: Path | None) -> int:
    """0 when everything was as it should be; else 1 and sentences that say what was not.

    Raises
    ------
    StudyError : no screen and no Xvfb (``--no-display`` runs the rest), or a folder that cannot be written.
    """
    console = Console()
    scenario = load_scenario(scenario_file or SCENARIO)
    with ExitStack() as stack:
        environment = None
        if display:
            environment, where = stack.enter_context(screen())
            console.print(f"The participant's display opens {where}.")
        places = _new_places(out)
        _render(scenario, places, console)
        written = _session(scenario, places, environment, console)
    return _verdict(scenario, places, written, display, console)


def _new_places(out: Path) -> Places:
    places = Places((out / time.strftime("%Y-%m-%d_%H%M%S")).absolute())
    try:
        places.watched.mkdir(parents=True)
    except OSError as error:
        raise StudyError(f"The folder {out} cannot be written ({error.strerror}); choose another with --out.") from None
    return places


def _render(scenario: Scenario, places: Places, console: Console) -> None:
    with bar(console) as progress:
        task = progress.add_task("rendering the phantom's run", total=None)
        render(scenario, places.rendered, lambda done, total: progress.update(task, completed=done, total=total))
    console.print(f"A simulated run of {len({volume for volume, _ in listed_files(places.rendered)})} volumes is ready.")


def _session(scenario: Scenario, places: Places, environment: dict[str, str] | None, console: Console) -> list[Written]:
    """Engine, display and scanner until the run is over; what the scanner wrote."""
    ports = Ports("127.0.0.1", free_base())
    with ExitStack() as stack:
        line = stack.enter_context(pulse_line())
        engine = stack.enter_context(_child(_engine_command(scenario, places, ports), places.log("engine"), None))
        parts = [engine]
        if environment is not None:
            parts.append(stack.enter_context(_child(_display_command(places, ports, line), places.log("display"), environment)))
        _operators_page(places, ports, console, stack)
        with console.status("starting engine and display (the first time, kernels are compiled) …"):
            _wait_until_ready(ports, engine, parts[1:], places)
        stop = threading.Event()
        scanner = _Scanner(places, scenario, line, stop)
        scanner.start()
        stack.callback(scanner.join)
        stack.callback(stop.set)
        watch_run(ports.messages, console, lambda: engine.poll() is not None)
        with console.status("writing the record …"):
            for part in parts:
                part.wait(END_S)
    return scanner.written


def _operators_page(places: Places, ports: Ports, console: Console, stack: ExitStack) -> None:
    """`rtfmri console` for as long as the run goes on; nothing of the demo depends on it."""
    if find_spec("nicegui") is None:
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        web_port = free.getsockname()[1]
    command = [sys.executable, "-m", "rtfmri", "console", "--no-open", "--connect", ports.messages, "--web-port", str(web_port)]
    stack.enter_context(_child(command, places.log("console"), None))
    console.print(f"The operator's page, while the run goes on: http://127.0.0.1:{web_port}")


class _Scanner(threading.Thread):
    """The simulated scanner; a mistake of its folder ends up in ``written`` being short, which the verdict tells."""

    def __init__(self, places: Places, scenario: Scenario, line: PulseLine | None, stop: threading.Event) -> None:
        super().__init__(name="scanner", daemon=True)
        self.written: list[Written] = []
        self._places, self._scenario, self._line, self._stop_event = places, scenario, line, stop

    def run(self) -> None:
        places, scenario, stop = self._places, self._scenario, self._stop_event
        volumes, tr_s = len({volume for volume, _ in listed_files(places.rendered)}), scenario.tr_s
        first_s = time.time() + START_S + EXPORT_S + tr_s
        if self._line is not None:
            threading.Thread(target=beat, args=(self._line, volumes, tr_s, first_s, stop), name="trigger", daemon=True).start()
        note, faults, seed = self.written.append, scenario.faults, scenario.seed
        play(places.rendered, places.watched, tr_s, start_at_unix_s=first_s, faults=faults, seed=seed, stop=stop, on_written=note)


def _engine_command(scenario: Scenario, places: Places, ports: Ports) -> list[str]:
    command = [sys.executable, "-m", "rtfmri", "run", str(scenario.study), "--watch", str(places.watched), "--out", str(places.dataset)]
    return [*command, "--sub", "demo", "--ses", "01", "--run", "1", "--port", str(ports.base), "--once", "--no-status"]


def _display_command(places: Places, ports: Ports, line: PulseLine | None) -> list[str]:
    command = [sys.executable, "-m", "feedback", "--connect", ports.messages, "--windowed", "--size", "1280x720", "--exit-at-end"]
    command += [] if line is None else ["--trigger", f"serial:{line.path}"]
    return [*command, "--id", "demo", "--screenshots", str(places.screenshots), "--log", str(places.folder / "shown.jsonl")]


@contextmanager
def _child(command: list[str], log: Path, environment: dict[str, str] | None) -> Iterator[subprocess.Popen[bytes]]:
    """A part of the session as a process of its own; its words go to ``log``."""
    with log.open("wb") as words, subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_until_ready(ports: Ports, engine: subprocess.Popen[bytes], displays: list[subprocess.Popen[bytes]], places: Places) -> None:
    """Until the run is armed and the display has been heard of.

    Raises
    ------
    StudyError : a part ended or is not ready in time; its own words are quoted.
    """
    until_s = time.monotonic() + READY_S
    named: list[tuple[str, subprocess.Popen[bytes]]] = [("engine", engine), *(("display", display) for display in displays)]
    while not (_armed(ports) and (not displays or b"display ready" in places.log("display").read_bytes())):
        for name, part in named:
            if part.poll() is not None:
                words = places.log(name).read_text(errors="replace").strip() or "it said nothing"
                raise StudyError(f"The {name} ended before the run began: {words}")
        time.sleep(0.1)
        if time.monotonic() > until_s:
            raise StudyError(f"Engine and display were not ready within {READY_S:.0f} s; see the .log files in {places.folder}.")


def _armed(ports: Ports) -> bool:
    try:
        return ask(ports, Command(action="status"), 0.5).state == "armed"
    except StudyError:
        return False


def _verdict(scenario: Scenario, places: Places, written: list[Written], displayed: bool, console: Console) -> int:
    study = load_study(scenario.study)
    paths = RunPaths(places.dataset, Entities(sub="demo", ses="01", task=study.task, run=1))
    envelopes = read_journal(paths.journal)
    summary = print_summary(envelopes, console)
    correlation = correlation_with_truth(envelopes, read_truth(places.rendered).regulation)
    if correlation is not None:
        console.print(f"Correlation of the regulation value with the phantom's truth: {correlation:.3f}")
    glass = glass_summary(envelopes)
    if glass is not None:
        console.print(
            f"From the end of a volume to the participant's glass: {glass.words}; {1e3 * EXPORT_S:.0f} ms are the simulated export."
        )
    console.print(f"The record lies in {paths.folder}", soft_wrap=True)
    if displayed:
        console.print(f"What the participant saw: {places.screenshots}", soft_wrap=True)
    said = complaints(summary, len({file.index for file in written}), correlation, values_in_time(envelopes) if displayed else 0)
    replays = {"the record": [str(paths.journal)], "the DICOMs": [str(places.watched), "--against", str(paths.journal), "--shuffle", "1"]}
    for what, arguments in replays.items():
        said += _replayed(what, arguments, console)
    for sentence in said:
        console.print(sentence, style="bold red")
    if not said:
        console.print("Everything was as it should be.", style="bold green")
    return 1 if said else 0


def _replayed(what: str, arguments: list[str], console: Console) -> list[str]:
    """Replay in a fresh process and compare; a complaint where a value differs."""
    with console.status(f"replaying {what} …"):
        command = [sys.executable, "-m", "rtfmri", "replay", *arguments, "--verify"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = (done.stdout.strip() or done.stderr.strip() or "nothing was said").splitlines()[-1]
    console.print(f"Replay of {what}: {last}")
    return [] if done.returncode == 0 else [f"The replay of {what} did not give the same values."]
