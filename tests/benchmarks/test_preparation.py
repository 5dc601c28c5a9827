"""Regions on the native grid against known truth: ``make bench ARGS="-k preparation -s"``; about six minutes.

Five heads of tests/preparation/known_heads.py: other sizes, shapes, poses, distortions. Printed for each region: Dice of the sphere
before the grey-matter cut, how far its centre is off, CPU and wall seconds of the whole. Beside it: affine only, and through a T1.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ants", reason="antspyx is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "preparation"))

from known_heads import PEOPLE, SPHERES, KnownHead, Person, known_head, with_t1

from rtfmri.preparation.making import make
from rtfmri.preparation.outputs import Preparation
from rtfmri.preparation.reference import ReferenceImage
from rtfmri.study.regions import RoiRule

RULES = tuple(RoiRule(name=name, weight=0.5, sphere_mni_mm=centre) for name, centre in SPHERES.items())
DICE, CENTRE_MM = 0.8, 2.0
FULL_S, FAST_S = 30.0, 10.0  # wall seconds on two quiet cores; CPU seconds here, on one thread, are the same or more
LARGE_S = 60.0
LARGE = ((104, 104, 72), (2.0, 2.0, 2.0))
FAR = (  # nodding and tilted slices add up, small and large heads, 10 mm of distortion
    Person(31, (0.88, 0.90, 0.86), (20.0, 8.0, -12.0), (8.0, -10.0, 12.0), 3.5, 10.0, 25.0),
    Person(32, (1.08, 1.05, 1.10), (-18.0, 10.0, 10.0), (-10.0, 8.0, -8.0), 3.0, -10.0, -25.0, flipped=False),
    Person(33, rot_deg=(25.0, -10.0, 15.0), trans_mm=(0.0, 15.0, 0.0)),
)


@dataclass(frozen=True)
class Measured:
    dice: dict[str, float]
    centre_mm: dict[str, float]
    cpu_s: float
    wall_s: float

    @property
    def words(self) -> str:
        regions = "   ".join(f"{name} {self.dice[name]:.3f} {self.centre_mm[name]:.2f} mm" for name in SPHERES)
        return f"{regions}   CPU {self.cpu_s:.1f} s, wall {self.wall_s:.1f} s"


def measured(head: KnownHead, fast: bool = False, through_t1: bool = False) -> Measured:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    t1 = (head.t1, head.t1_grid) if through_t1 and head.t1 is not None and head.t1_grid is not None else None
    preparation = make(ReferenceImage(head.epi, head.grid, 1), t1, RULES, {}, fast, lambda _: None)
    spent = time.process_time() - cpu_s, time.perf_counter() - wall_s
    return Measured(*against_truth(head, preparation), *spent)


def against_truth(head: KnownHead, preparation: Preparation) -> tuple[dict[str, float], dict[str, float]]:
    dice, apart_mm = {}, {}
    for region in preparation.regions:
        name = region.rule.name
        truth, found = head.sphere(SPHERES[name]), region.whole
        dice[name] = float(2 * (truth & found).sum() / (truth.sum() + found.sum()))
        step = np.argwhere(truth).mean(axis=0) - np.argwhere(found).mean(axis=0) if found.any() else np.full(3, np.inf)
        apart_mm[name] = float(np.linalg.norm(head.grid.affine[:3, :3] @ step))
    return dice, apart_mm


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: f"head{person.seed}")
def test_preparation_places_regions(person: Person) -> None:
    head = with_t1(known_head(person))
    full, fast, through_t1 = measured(head), measured(head, fast=True), measured(head, through_t1=True)
    print(f"\nhead {person.seed}, 64x64x36: Dice and centre's error of each sphere")
    for name, found in (("warp", full), ("warp, through the T1", through_t1), ("affine only (--fast)", fast)):
        print(f"  {name:<22}{found.words}")
    for found in (full, through_t1):
        assert min(found.dice.values()) >= DICE
        assert max(found.centre_mm.values()) <= CENTRE_MM
    assert full.cpu_s < FULL_S
    assert fast.cpu_s < FAST_S


@pytest.mark.parametrize("person", FAR, ids=lambda person: f"head{person.seed}")
def test_preparation_places_regions_in_heads_that_lie_far_off(person: Person) -> None:
    full = measured(known_head(person))
    print(f"\nhead {person.seed}, far off, 64x64x36: {full.words}")
    assert min(full.dice.values()) >= DICE
    assert max(full.centre_mm.values()) <= CENTRE_MM


def test_preparation_of_a_large_grid_is_in_time() -> None:
    head = known_head(PEOPLE[2], *LARGE)
    full = measured(head)
    print(f"\nhead {PEOPLE[2].seed}, 104x104x72: {full.words}")
    assert min(full.dice.values()) >= DICE
    assert max(full.centre_mm.values()) <= CENTRE_MM
    assert full.cpu_s < LARGE_S
