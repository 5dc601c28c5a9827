"""An earlier image, found once in this run's own reference, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import moved_head
import numpy as np
import pytest
from moved_head import CENTRE_MM, displacement_mm, head_at, oblique_grid, volume_of

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.errors import StudyError
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Reference, prepare
from rtfmri.registration.session import Session, likeness, register_once
from rtfmri.rigid import RigidTransform
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Grid, Image, Volume

EARLIER_GRID = oblique_grid()
MOVED = RigidTransform((3.0, -6.0, 4.0), tuple(np.radians((4.0, -3.0, 5.0))), tuple(CENTRE_MM))


@dataclass(frozen=True, eq=False)
class Prepared:
    image: Image
    reference: Reference


def prepared(image: Image, grid: Grid) -> Prepared:
    return Prepared(image, prepare(image, grid, head_mask(image)))


def tilted_grid(shift_mm: float = 12.0) -> Grid:
    """Other voxels, tilted by another 10 degrees, 12 mm further up."""
    cos, sin = np.cos(np.radians(25)), np.sin(np.radians(25))
    axes = np.array([[-1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]]) * np.array([2.6, 2.6, 3.4])
    shape = (66, 76, 38)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = CENTRE_MM + axes[:, 2] / 3.4 * shift_mm - axes @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def session_volume(grid: Grid, transform: RigidTransform, gain: float = 1.7) -> Image:
    """The head of another day: another coil about it, another gain, other noise."""
    here = np.indices(grid.shape).reshape(3, -1).T @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    back = np.linalg.inv(transform.matrix)
    x, y, z = (here / 100.0).T
    field = 1.0 + 0.35 * x - 0.25 * y + 0.3 * z**2 + 0.5 * np.exp(-((x - 0.7) ** 2 + (y + 0.2) ** 2) / 0.1)
    values = gain * field * head_at(here @ back[:3, :3].T + back[:3, 3])
    values = values + np.random.default_rng(11).normal(scale=1.5 * gain * moved_head.NOISE, size=len(values))
    return np.maximum(values, 0.0).reshape(grid.shape).astype(np.float32)


@pytest.fixture(scope="module")
def earlier() -> Prepared:
    return prepared(volume_of(EARLIER_GRID, RigidTransform(), seed=1), EARLIER_GRID)


def registered(earlier: Prepared, image: Image, grid: Grid) -> Session:
    return register_once(earlier.reference, earlier.image, prefilter(image), grid)


def test_the_head_is_found_in_another_session_on_another_grid_through_another_coil(earlier: Prepared) -> None:
    grid = tilted_grid()
    found = registered(earlier, session_volume(grid, MOVED), grid)
    assert displacement_mm(EARLIER_GRID, found.transform.matrix, MOVED.matrix) < 0.1
    assert found.uncertainty_mm < 0.1
    assert found.overlap > 0.8
    assert found.turned_deg == pytest.approx(np.degrees(np.arccos((np.trace(MOVED.matrix[:3, :3]) - 1) / 2)), abs=0.1)
    assert "degrees away, sure to" in found.words


def test_a_head_that_lies_20_mm_and_12_degrees_from_where_it_was_is_found(earlier: Prepared) -> None:
    far = RigidTransform((8.0, 12.0, -14.0), tuple(np.radians((-8.0, 6.0, 7.0))), tuple(CENTRE_MM))
    grid = tilted_grid(shift_mm=-6.0)
    found = registered(earlier, session_volume(grid, far), grid)
    assert displacement_mm(EARLIER_GRID, found.transform.matrix, far.matrix) < 0.2


def test_another_head_is_refused(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, rng = tilted_grid(), np.random.default_rng(99)
    monkeypatch.setattr(moved_head, "_WAVES", rng.normal(size=(120, 3)) * 0.12)
    monkeypatch.setattr(moved_head, "_PHASES", rng.uniform(0, 2 * np.pi, 120))
    stranger = session_volume(grid, MOVED)
    with pytest.raises(StudyError, match=r"was not found in this run.*Check that the file is of this participant"):
        registered(earlier, stranger, grid)


def test_slices_that_hold_too_little_of_the_earlier_head_are_refused(earlier: Prepared) -> None:
    grid = tilted_grid(shift_mm=70.0)
    with pytest.raises(StudyError, match=r"Only \d+ % of the head|not found|uncertain"):
        registered(earlier, session_volume(grid, RigidTransform()), grid)


def test_likeness_does_not_see_the_coil_but_the_head(earlier: Prepared) -> None:
    mask = earlier.reference.mask
    bright = (earlier.image * np.linspace(0.5, 2.0, EARLIER_GRID.shape[0], dtype=np.float32)[:, None, None]).astype(np.float32)
    assert likeness(earlier.image, bright, mask, EARLIER_GRID) > 0.98
    assert likeness(earlier.image, earlier.image[::-1].copy(), mask, EARLIER_GRID) < 0.5
    assert likeness(earlier.image, np.zeros_like(earlier.image), mask, EARLIER_GRID) == 0.0


def test_through_applies_the_session_first_and_then_the_run() -> None:
    run = RigidTransform((0.4, -0.2, 0.1), (0.01, -0.02, 0.005), (5.0, 1.0, -3.0))
    both = run.after(MOVED)
    np.testing.assert_allclose(both.matrix, run.matrix @ MOVED.matrix, atol=1e-12)
    assert both.centre_mm == MOVED.centre_mm


@pytest.mark.real_data
def test_real_heads_are_found_in_their_own_run_and_refused_in_others(real_data: Path) -> None:
    own, others = (_volumes(real_data, name) for name in ("siemens_mosaic_bold/dicoms", "ingest/siemens_vb17_mosaic_ax"))
    first, last, stranger = own[0], own[-1], others[0]
    earlier = prepared(first.data, first.grid)
    found = registered(earlier, last.data, last.grid)
    assert found.likeness > 0.95
    with pytest.raises(StudyError, match="not found"):
        registered(earlier, stranger.data, stranger.grid)


def _volumes(real_data: Path, folder: str) -> list[Volume]:
    return [item for item in read_dicoms(real_data / folder, SeriesRule(), Acquisition()) if isinstance(item, Volume)]
