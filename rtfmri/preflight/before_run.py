"""Everything that must be true before a run: facts are gathered one after another, each check is a pure function of them.

Nothing is changed: a probe file of a moment in OUT, nothing else is written. Meant to take less than three seconds; a session that runs is
only asked how it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rtfmri.messages import Confirmed
from rtfmri.pipeline import GridImage
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.check import Check
from rtfmri.preflight.computer import computer_checks, read_computer
from rtfmri.preflight.control import control_check, read_sealed
from rtfmri.preflight.disk import disk_check, read_disk, volumes_of
from rtfmri.preflight.display import display_checks
from rtfmri.preflight.numbers import Numbers, numbers_check, read_numbers
from rtfmri.preflight.physiology import listen_for_physiology, physiology_check
from rtfmri.preflight.reference import expected_of, reference_check
from rtfmri.preflight.regions import ForArm, Regions, read_regions, region_checks
from rtfmri.preflight.scanner import Folder, read_folder, scanner_checks
from rtfmri.preflight.series import Series, read_series, series_check
from rtfmri.preflight.session import Session, ports_check, read_session, versions_check
from rtfmri.preflight.sides import beside_of, draw_sides, sides_check
from rtfmri.preflight.study_file import read_study_file, study_check
from rtfmri.study import Study
from rtfmri.volume import Grid

PICTURE = "left_and_right.png"


@dataclass(frozen=True)
class Surroundings:
    """``for_arm``: what arm does with a study. ``confirmed``: of the run whose first volume has come. ``pictures``: where a picture of the
    regions may be drawn (None: nowhere)."""

    for_arm: ForArm
    confirmed: Confirmed | None = None
    pictures: Path | None = None


def before_run(asked: Asked, around: Surroundings) -> tuple[Check, ...]:
    """All checks, in the order in which they are dealt with; none raises."""
    file = read_study_file(asked.study_file)
    study = file.study
    if study is None:
        folder = None if asked.watch is None else read_folder(asked.watch, time.time())
        return (study_check(file), *scanner_checks(folder, asked.listen), *computer_checks(read_computer(asked.out)))
    session = read_session(asked.port or study.stream.port, asked.listen)
    numbers = read_numbers(asked, study, around.for_arm)
    folder = _folder(asked, session)
    series = Series() if folder is None else read_series(folder, study.acquisition.series)
    regions = None if numbers.entities is None else read_regions(study, numbers.entities, asked.out, around.for_arm)
    grid = _grid(series, regions)
    return (
        study_check(file),
        numbers_check(numbers),
        *_scanner(study, asked, session, folder, series),
        *_of_participant(study, numbers, regions, series, around),
        *_sides_of_the_wire(study, asked, session, numbers),
        disk_check(read_disk(asked.out), volumes_of(study, study.acquisition.tr_s or _tr_s(series)), grid, _runs_left(study, numbers)),
        *_further(study, asked, numbers, session),
        *computer_checks(read_computer(asked.out)),
    )


def _folder(asked: Asked, session: Session) -> Folder | None:
    """The folder that was named, else the one that the session watches."""
    watched = session.reply.session.watch if session.reply and session.reply.session else None
    path = asked.watch or (Path(watched) if watched else None)
    return None if path is None else read_folder(path, time.time())


def _scanner(study: Study, asked: Asked, session: Session, folder: Folder | None, series: Series) -> tuple[Check, ...]:
    info = session.reply.session if session.reply else None
    listen = asked.listen or (int(info.listen.rpartition(":")[2]) if info and info.listen else None)
    checks = scanner_checks(folder, listen)
    if folder is None or folder.problem:
        return checks
    return (*checks, series_check(series, study.acquisition.series, study.acquisition.tr_s))


def _of_participant(study: Study, numbers: Numbers, regions: Regions | None, series: Series, around: Surroundings) -> tuple[Check, ...]:
    if regions is None or numbers.kind is None:
        return ()
    checks = region_checks(study, regions, numbers.kind)
    materials = regions.materials
    if materials is None:
        return checks
    coming, expected = series.volume, expected_of(materials)
    checks += (reference_check(expected, coming.grid if coming else None, around.confirmed),)
    if expected is None:
        return checks
    seen = None if coming is None else GridImage(coming.data, coming.grid)
    picture = None if around.pictures is None else _drawn(around.pictures, regions, seen)
    return (*checks, sides_check(expected.grid, beside_of(study, materials, seen), picture))


def _drawn(folder: Path, regions: Regions, seen: GridImage | None) -> Path | None:
    """The regions on the image that they lie on, or on the newest volume."""
    materials = regions.materials
    image = None if materials is None else materials.earlier or seen
    if materials is None or image is None:
        return None
    return draw_sides(folder / PICTURE, image.data, image.grid, {name: mask.data for name, mask in materials.masks.items()})


def _sides_of_the_wire(study: Study, asked: Asked, session: Session, numbers: Numbers) -> tuple[Check, ...]:
    host = "THIS-COMPUTER" if study.stream.bind != "127.0.0.1" else "127.0.0.1"
    address = f"tcp://{host}:{session.base}"
    displays = display_checks(session, study.display.trigger, numbers.kind, address, time.time())
    return (ports_check(session, asked), *displays, versions_check(session))


def _further(study: Study, asked: Asked, numbers: Numbers, session: Session) -> tuple[Check, ...]:
    """What only some studies have."""
    sealed = read_sealed(study, asked, numbers.entities)
    checks = () if sealed is None else (control_check(sealed),)
    rule = study.physiology
    heard = None if rule is None else listen_for_physiology(rule, session.runs)
    return checks if rule is None or heard is None else (*checks, physiology_check(rule, heard))


def _grid(series: Series, regions: Regions | None) -> Grid | None:
    """Of the coming volumes, as far as anything tells."""
    if series.volume is not None:
        return series.volume.grid
    expected = expected_of(regions.materials) if regions is not None and regions.materials is not None else None
    return None if expected is None else expected.grid


def _tr_s(series: Series) -> float | None:
    return None if series.fitting is None else series.fitting.tr_s


def _runs_left(study: Study, numbers: Numbers) -> int:
    """This run and those that the study still plans after it."""
    return 1 if numbers.entities is None else max(1, len(study.run) - numbers.entities.run + 1)
