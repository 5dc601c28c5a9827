"""Which run this will be: its labels, its number, its kind. Nothing that was recorded is ever overwritten."""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, RunKind
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.check import Check
from rtfmri.preflight.regions import ForArm
from rtfmri.record.layout import RunPaths, next_run
from rtfmri.study import Study


@dataclass(frozen=True)
class Numbers:
    """``entities`` None: no participant yet, or (``problem``) labels that cannot be used. ``cut_off``: its record has no end yet."""

    entities: Entities | None = None
    kind: RunKind | None = None
    free: int = 1
    finished: bool = False
    cut_off: bool = False
    problem: str = ""


def label_problem(sub: str, ses: str) -> str:
    """What is wrong with what was typed; empty where nothing is."""
    for what, text in (("The participant", sub), ("The session", ses)):
        if not text.isascii() or not text.isalnum():
            return f"{what} {text!r} must hold letters and digits only, such as 07; leave out 'sub-'." if text else f"{what} is empty."
    return ""


def read_numbers(asked: Asked, study: Study, for_arm: ForArm) -> Numbers:
    if asked.sub is None:
        return Numbers()
    problem = label_problem(asked.sub, asked.ses)
    if problem:
        return Numbers(problem=problem)
    try:
        entities = for_arm.entities_of(study, asked.out, asked.sub, asked.ses, asked.run)
    except StudyError as error:
        return Numbers(problem=str(error))
    paths, free = RunPaths(asked.out, entities), next_run(asked.out, asked.sub, asked.ses, study.task)
    finished = paths.finished
    return Numbers(entities, study.plan(entities).kind, free, finished, not finished and paths.journal.exists())


def numbers_check(numbers: Numbers) -> Check:
    entities = numbers.entities
    if numbers.problem:
        return Check("run", "failed", numbers.problem, "Type them again.")
    if entities is None:
        return Check("run", "unknown", "No participant is named yet.", "Give --sub 07 (and --ses) to check that participant's files too.")
    if numbers.finished:
        advice = f"The next free run number is {numbers.free}."
        return Check("run", "failed", f"{entities.label} is recorded already and is never overwritten.", advice)
    kind = (numbers.kind or "feedback").replace("_", " ")
    if numbers.cut_off:
        advice = "Arm it to go on, or take the next number."
        return Check("run", "warning", f"{entities.label} ({kind}) was cut off; armed again it is resumed.", advice)
    return Check("run", "ok", f"{entities.label} is free; it is a {kind} run.")
