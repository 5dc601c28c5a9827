"""The trials' pictures: found by name in the folder of images, and the same as the study's by checksum.

A picture that is not there, cannot be read or is another one is not shown: the trial's words stand in, and the operator is told.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from rtfmri.messages import RunStart, TrialInfo

NO_FOLDER = "The study shows pictures, but this display was started without --images FOLDER: the trials' words stand in."


def with_images(run: RunStart, folder: Path | None) -> tuple[RunStart, tuple[str, ...]]:
    """``run`` with each trial's image as a file that can be shown, or empty; and sentences for the operator."""
    named = {trial.image: trial for trial in run.display.trials if trial.image}
    if not named:
        return run, ()
    flaws = {name: NO_FOLDER if folder is None else _flaw(trial, folder) for name, trial in named.items()}
    files = {name: "" if flaws[name] or folder is None else str(_file(name, folder)) for name in named}
    trials = tuple(trial.model_copy(update={"image": files.get(trial.image, "")}) for trial in run.display.trials)
    display = run.display.model_copy(update={"trials": trials})
    return run.model_copy(update={"display": display}), tuple(dict.fromkeys(flaw for flaw in flaws.values() if flaw))


def _file(name: str, folder: Path) -> Path:
    """Never out of the folder, whatever the name says."""
    return (folder / Path(name).name).resolve()


def _flaw(trial: TrialInfo, folder: Path) -> str:
    """What is wrong with a trial's picture; empty where nothing is."""
    file = _file(trial.image, folder)
    try:
        content = file.read_bytes()
    except OSError as error:
        return f"The picture {file.name} cannot be read in {folder} ({error.strerror}): the trial's words stand in."
    if trial.sha256 and hashlib.sha256(content).hexdigest() != trial.sha256:
        return f"The picture {file.name} in {folder} is not the study's: copy that one there. Until then the trial's words stand in."
    return ""
