"""What is said of one participant: preparation, regions, reference, left and right, sealed allocation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nacl.public import PrivateKey
from preflight_facts import AROUND, SPHERES, ball, grid, named, prepare_by_hand, study_file, study_of

from rtfmri.errors import StudyError
from rtfmri.messages import Confirmed
from rtfmri.pipeline import GridImage, Materials
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.before_run import Surroundings, before_run
from rtfmri.preflight.check import Check
from rtfmri.preflight.deciding import decide
from rtfmri.preflight.reference import expected_of, reference_check, tilt_between_deg
from rtfmri.preflight.sides import beside_of, draw_sides, sides_check
from rtfmri.sham.allocation import Allocation, Entry, sealed_allocation
from rtfmri.sham.boxes import save_new_key
from rtfmri.stream.ports import free_base
from rtfmri.volume import Grid


def checks_of(folder: Path, sub: str = "09", study: Path | None = None, around: Surroundings = AROUND) -> tuple[Check, ...]:
    return before_run(Asked(study or study_file(folder), folder / "out", folder, sub=sub, port=free_base()), around)


def materials(on: Grid, earlier: bool = False, flip: float = 1.0) -> Materials:
    masks = {name: GridImage(ball(on, (flip * mm[0], mm[1], mm[2])), on) for name, mm in SPHERES.items()}
    head = np.asarray(800 * ball(on, (0, 0, 0), 80), dtype=np.float32)
    return Materials(masks, GridImage(head, on) if earlier else None)


def test_what_was_not_prepared_is_refused_with_the_command(tmp_path: Path) -> None:
    check = named(checks_of(tmp_path), "preparation")
    assert check.state == "failed"
    assert "rtfmri prepare" in check.advice


@pytest.mark.parametrize(
    ("decision", "state", "words"),
    [
        ({}, "failed", "nobody has accepted"),
        ({"accepted_by": "A. Operator", "accepted_at": "2026-11-22T14:03:05+00:00"}, "ok", "accepted by A. Operator, 2026-11-22 14:03"),
        ({"rejected": True}, "failed", "rejected"),
        ({"problems": ["tpj holds 3 voxels."]}, "failed", "3 voxels"),
    ],
)
def test_a_preparation_is_shown_until_somebody_has_decided(tmp_path: Path, decision: dict[str, Any], state: str, words: str) -> None:
    prepare_by_hand(tmp_path / "out", **decision)
    check = named(checks_of(tmp_path), "preparation")
    assert (check.state, words in check.text) == (state, True), check
    assert check.picture is not None
    assert check.picture.is_file()
    assert check.page is not None


def test_what_is_accepted_here_can_be_armed(tmp_path: Path) -> None:
    path = prepare_by_hand(tmp_path / "out")
    with pytest.raises(StudyError, match="needs the name"):
        decide(path, " ")
    assert decide(path, " A. Operator ").accepted_by == "A. Operator"
    checks = checks_of(tmp_path)
    assert [named(checks, name).state for name in ("preparation", "regions", "provisional", "left and right")] == ["ok"] * 4
    assert decide(path, None).rejected
    assert named(checks_of(tmp_path), "preparation").state == "failed"


def test_provisional_regions_need_somebody_who_answers_for_them(tmp_path: Path) -> None:
    prepare_by_hand(tmp_path / "out", accepted_by="A. Operator")
    check = named(checks_of(tmp_path, study=study_file(tmp_path, accepts="")), "provisional")
    assert check.state == "failed"
    assert "PROVISIONAL" in check.text


def test_regions_that_are_defined_otherwise_now_are_refused_as_arm_would(tmp_path: Path) -> None:
    prepare_by_hand(tmp_path / "out", accepted_by="A. Operator")
    moved = study_file(tmp_path)
    moved.write_text(moved.read_text().replace("[60, -40, 22]", "[60, -44, 22]"))
    check = named(checks_of(tmp_path, study=moved), "regions")
    assert check.state == "failed"
    assert "otherwise than it was prepared" in check.text


def test_a_region_on_the_wrong_side_fails(tmp_path: Path) -> None:
    prepare_by_hand(tmp_path / "out", flipped=True, accepted_by="A. Operator")
    check = named(checks_of(tmp_path, around=Surroundings(AROUND.for_arm, None, tmp_path)), "left and right")
    assert check.state == "failed"
    assert "other side" in check.text
    assert check.picture is not None
    assert check.picture.stat().st_size > 1000


@pytest.mark.parametrize("x_sign", [-1.0, 1.0])
def test_sides_do_not_depend_on_how_the_columns_are_stored(x_sign: float) -> None:
    on = grid(x_sign=x_sign)
    beside = beside_of(study_of(), materials(on, earlier=True), None)
    assert [one.side for one in beside] == ["right", "right"]
    assert sides_check(on, beside).state == "ok"
    assert sides_check(on, beside_of(study_of(), materials(on, flip=-1.0), None)).state == "failed"


def test_without_a_word_on_where_a_region_belongs_the_side_is_only_told(tmp_path: Path) -> None:
    on = grid()
    plain = study_of(roi=[{"name": name, "mask": str(Path(__file__)), "weight": 0.5} for name in SPHERES])
    check = sides_check(on, beside_of(plain, materials(on), None))
    assert check.state == "unknown"
    assert "right" in check.text
    told = study_of(roi=[{"name": "tpj_left", "mask": str(Path(__file__)), "weight": 0.5}])
    masks = Materials({"tpj_left": materials(on).masks["tpj"]})
    assert sides_check(on, beside_of(told, masks, None)).state == "failed"
    assert draw_sides(tmp_path / "p.png", materials(on).masks["tpj"].data, on, {"tpj": np.zeros(on.shape, np.float32)}) is None


def test_masks_on_the_runs_own_grid_must_lie_on_exactly_that_grid() -> None:
    on = grid()
    expected = expected_of(materials(on))
    moved = Grid(on.shape, on.affine + np.array([[0, 0, 0, 3.0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
    assert [reference_check(expected, coming).state for coming in (on, moved, grid((40, 40, 22)), None)] == [
        "ok",
        "failed",
        "failed",
        "unknown",
    ]


def test_an_earlier_image_may_lie_otherwise_but_not_by_much() -> None:
    on = grid()
    expected = expected_of(materials(on, earlier=True))
    thin = grid((40, 40, 4))
    judged = [reference_check(expected, coming) for coming in (grid(tilt_deg=5), grid(size_mm=4), grid(tilt_deg=25), thin)]
    assert [check.state for check in judged] == ["ok", "warning", "warning", "warning"]
    assert "leaves out parts of" in judged[3].text
    assert tilt_between_deg(on, grid(tilt_deg=25)) == pytest.approx(25)


def test_once_the_first_volume_has_come_it_is_what_counts() -> None:
    on = grid()
    fields = {"tr_s": 1.0, "planned_volumes": 70, "blocks": (), "rois": ()}
    same = Confirmed(shape=on.shape, voxel_size_mm=on.voxel_size_mm, **fields)
    other = Confirmed(shape=(64, 64, 36), voxel_size_mm=on.voxel_size_mm, **fields)
    expected = expected_of(materials(on))
    assert reference_check(expected, None, same).state == "ok"
    assert reference_check(expected, on, other).state == "warning"


def test_an_allocation_that_cannot_be_opened_fails_in_words_that_tell_no_condition(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    save_new_key(tmp_path / "key", key)
    entries = tuple(Entry(sub=sub, condition=condition) for sub, condition in (("09", "none"), ("10", "own")))
    (tmp_path / "sealed").write_bytes(sealed_allocation(Allocation(entries=entries), key.public_key))
    prepare_by_hand(tmp_path / "out", accepted_by="A. Operator")
    prepare_by_hand(tmp_path / "out", sub="10", accepted_by="A. Operator")
    section = '\n[control]\nallocation = "sealed"\nconsent = "ethics 12"\nkey = "key"\n'
    study = study_file(tmp_path)
    study.write_text(study.read_text() + section)
    said = {sub: named(checks_of(tmp_path, sub, study), "allocation") for sub in ("09", "10", "11")}
    assert said["09"] == said["10"]
    assert said["09"].state == "ok"
    assert said["11"].state == "failed"
    study.write_text(study.read_text().replace('key = "key"\n', ""))
    assert named(checks_of(tmp_path, "09", study), "allocation").state == "failed"


def test_every_mistake_of_the_study_file_is_said_at_once(tmp_path: Path) -> None:
    path = study_file(tmp_path)
    path.write_text(path.read_text().replace("tr_s = 1.0", "tr_s = -1").replace("weight = 0.5", 'weight = "much"'))
    checks = checks_of(tmp_path, study=path)
    check = named(checks, "study file")
    assert check.state == "failed"
    assert "tr_s" in check.text
    assert "weight" in check.text
    assert json.dumps([one.as_record() for one in checks])
