"""The head: MNI152 tissue made into a continuous object that can be moved and measured.

Anatomy comes from the MNI152 templates that lie in nilearn's wheel (no download). The object is a set of cubic B-spline coefficients
on a 2 mm grid, finer than any EPI measured from it; ``to_scanner`` maps its voxel index to RAS+ mm in the scanner at the reference
position. Signal is in arbitrary units: grey matter 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rtfmri.errors import StudyError
from rtfmri.simulate.scenario import SPHERES_MNI_MM, Scenario
from rtfmri.volume import Array, Image

RESOLUTION_MM = 2
HEAD_SCALE = 0.95  # the MNI152 brain is larger than most
SHIFT_MM = np.array([2.0, -3.0, 2.0])  # nobody lies exactly in the isocentre
PITCH_RAD = np.deg2rad(6.0)
GREY, WHITE, FLUID, SCALP, SKULL = 1.0, 0.8, 1.5, 0.3, 0.06  # T2*-weighted contrast, fat saturated
DROPOUT = (  # centre and width in MNI mm, how much is lost: above the sinuses and the ear canals
    ((0.0, 38.0, -20.0), (16.0, 14.0, 11.0), 0.9),
    ((52.0, -22.0, -26.0), (11.0, 13.0, 9.0), 0.75),
    ((-52.0, -22.0, -26.0), (11.0, 13.0, 9.0), 0.75),
)


@dataclass(frozen=True, eq=False)
class Head:
    """B-spline coefficients, each float32 (X, Y, Z): signal, tissue fractions, and per region its sphere and its activation."""

    signal: Image
    grey: Image
    fluid: Image
    brain: Image
    spheres: dict[str, Image]
    activation: dict[str, Image]  # added to ``signal`` it raises the region's grey matter by 100 %
    to_scanner: Array


def make_head(scenario: Scenario) -> Head:
    """The scenario's head at the reference position; its texture comes from the seed.

    Raises
    ------
    StudyError : nilearn, which carries the templates, is not installed.
    """
    grey, white, brain, affine = _templates()
    fractions = _harden(grey, white, brain)
    signal = _signal(fractions, brain, affine, np.random.default_rng([scenario.seed, 2]))
    spheres = {name: _soft_sphere(grey.shape, affine, centre, scenario.roi_radius_mm) for name, centre in SPHERES_MNI_MM.items()}
    return Head(
        signal=_coefficients(signal),
        grey=_coefficients(fractions[0]),
        fluid=_coefficients(fractions[2]),
        brain=_coefficients(brain),
        spheres={name: _coefficients(sphere) for name, sphere in spheres.items()},
        activation={name: _coefficients(signal * fractions[0] * sphere) for name, sphere in spheres.items()},
        to_scanner=_pose(brain, affine),
    )


def _templates() -> tuple[Image, Image, Image, Array]:
    """Grey matter, white matter and brain mask as float32 (X, Y, Z) in 0..1, and the affine to MNI mm."""
    try:
        from nilearn import datasets
    except ImportError:
        raise StudyError("The phantom needs nilearn, which carries the MNI152 templates: install rtfmri[simulate].") from None
    images = [
        load(resolution=RESOLUTION_MM)
        for load in (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template, datasets.load_mni152_brain_mask)
    ]
    grey, white, brain = (np.asarray(image.dataobj, dtype=np.float32) for image in images)
    return np.clip(grey, 0, 1), np.clip(white, 0, 1), ndimage.gaussian_filter(brain, 0.5), np.asarray(images[0].affine, dtype=float)


def _harden(grey: Image, white: Image, brain: Image) -> Image:
    """(3, X, Y, Z) fractions of grey, white, fluid: the average brain's blurred maps made as sharp as one person's."""
    fluid = np.clip(1 - grey - white, 0, 1)
    sharp = (np.stack([grey, white, fluid]) * brain) ** 4
    fractions: Image = sharp / (sharp.sum(axis=0) + 1e-6) * brain
    return fractions.astype(np.float32)


def _signal(fractions: Image, brain: Image, affine: Array, rng: np.random.Generator) -> Image:
    tissue = GREY * fractions[0] + WHITE * fractions[1] + FLUID * fractions[2]
    for width_voxels, strength in ((0.8, 0.05), (2.0, 0.04)):  # vessels, iron, folding that the average brain has lost
        texture = ndimage.gaussian_filter(rng.standard_normal(brain.shape), width_voxels)
        tissue *= 1 + strength * texture / texture.std()
    outside_mm = ndimage.distance_transform_edt(brain < 0.5) * RESOLUTION_MM
    scalp = ((outside_mm > 7) & (outside_mm < 13)) * SCALP + ((outside_mm > 0) & (outside_mm <= 7)) * SKULL
    signal = tissue + ndimage.gaussian_filter(scalp, 0.6) * (1 - brain)
    for centre, width, lost in DROPOUT:
        distance = _distance(brain.shape, affine, centre, width)
        signal *= 1 - lost * np.exp(-0.5 * distance**2)
    return np.asarray(signal, dtype=np.float32)


def _soft_sphere(shape: tuple[int, ...], affine: Array, centre_mm: tuple[float, float, float], radius_mm: float) -> Image:
    """1 inside, 0 outside, 0.73 at ``radius_mm`` and one half at ``radius_mm`` + 1, falling over about 4 mm."""
    distance_mm = _distance(shape, affine, centre_mm, (1.0, 1.0, 1.0))
    return (1 / (1 + np.exp(np.clip(distance_mm - radius_mm - 1, -30, 30)))).astype(np.float32)


def _distance(shape: tuple[int, ...], affine: Array, centre: tuple[float, ...], width: tuple[float, ...]) -> Array:
    """Distance from ``centre`` in units of ``width``, at every voxel; the template's axes are those of MNI."""
    axes = [(affine[a, a] * np.arange(n) + affine[a, 3] - centre[a]) / width[a] for a, n in enumerate(shape)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    distance: Array = np.sqrt(x**2 + y**2 + z**2)
    return distance


def _pose(brain: Image, affine: Array) -> Array:
    """Voxel index -> scanner RAS+ mm: smaller than MNI, chin a little down, brain near the isocentre."""
    cos, sin = np.cos(PITCH_RAD), np.sin(PITCH_RAD)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) * HEAD_SCALE
    pose = np.eye(4)
    pose[:3, :3] = turn @ affine[:3, :3]
    pose[:3, 3] = SHIFT_MM - pose[:3, :3] @ np.array(ndimage.center_of_mass(brain))
    return pose


def _coefficients(image: Image) -> Image:
    return np.ascontiguousarray(ndimage.spline_filter(image, order=3, output=np.float32))
