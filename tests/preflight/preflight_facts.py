"""Small facts to judge: grids, displays, studies, and a preparation as `rtfmri prepare` leaves it, without its seconds of registration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from rtfmri.cli.checking import for_arm
from rtfmri.messages import SCHEMA, DisplayReport
from rtfmri.preflight.before_run import Surroundings
from rtfmri.preflight.check import Check
from rtfmri.preflight.session import SOFTWARE
from rtfmri.preparation.prepared import prepared_path
from rtfmri.record.references import save_image
from rtfmri.study import Study, parse_study
from rtfmri.volume import Grid

AROUND = Surroundings(for_arm())
SPHERES = {"dlpfc": [42, 36, 28], "tpj": [60, -40, 22]}
PLAIN: dict[str, Any] = {
    "study": {"name": "compassion", "accept_provisional_by": "A. Scientist"},
    "acquisition": {"tr_s": 1.0},
    "roi": [{"name": name, "sphere_mni_mm": mm, "weight": 0.5} for name, mm in SPHERES.items()],
    "paradigm": {"cycle": [{"block": "rest", "s": 30}, {"block": "regulate", "s": 40}]},
}
TOML = """
[study]
name = "compassion"
{accepts}
[acquisition]
tr_s = 1.0
[[roi]]
name = "dlpfc"
sphere_mni_mm = [42, 36, 28]
weight = 0.5
[[roi]]
name = "tpj"
sphere_mni_mm = [60, -40, 22]
weight = -0.5
[paradigm]
cycle = [{{ block = "rest", s = 30 }}, {{ block = "regulate", s = 40 }}]
"""


def study_of(**sections: Any) -> Study:
    return parse_study({**PLAIN, **sections}, Path.cwd())


def study_file(folder: Path, accepts: str = 'accept_provisional_by = "A. Scientist"') -> Path:
    path = folder / "compassion.toml"
    path.write_text(TOML.format(accepts=accepts), encoding="utf-8")
    return path


def grid(shape: tuple[int, int, int] = (40, 40, 20), size_mm: float = 5.0, tilt_deg: float = 0.0, x_sign: float = -1.0) -> Grid:
    """Centred on the scanner's middle; stored LAS as Siemens' mosaics are, tilted about x."""
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([x_sign * size_mm, size_mm, size_mm])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def ball(on: Grid, centre_mm: tuple[float, float, float], radius_mm: float = 12.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    index = np.moveaxis(np.indices(on.shape), 0, -1)
    mm = index @ on.affine[:3, :3].T + on.affine[:3, 3]
    return (((mm - np.array(centre_mm)) ** 2).sum(axis=-1) <= radius_mm**2).astype(np.float32)


def prepare_by_hand(out: Path, sub: str = "09", flipped: bool = False, **decision: Any) -> Path:
    """The files of a preparation; ``flipped``: its regions lie on the wrong side."""
    path, on = prepared_path(out, sub, "01"), grid()
    path.parent.mkdir(parents=True)
    stem = f"sub-{sub}_ses-01_"
    centres = {name: (-mm[0] if flipped else mm[0], mm[1], mm[2]) for name, mm in SPHERES.items()}
    head = 800 * ball(on, (0, 0, 0), 80)
    images = {"ref": head, "brain": ball(on, (0, 0, 0), 70), "wm": ball(on, (0, 0, 0), 20), "csf": ball(on, (0, 0, 10), 15)}
    for name, data in {**images, **{name: ball(on, mm) for name, mm in centres.items()}}.items():
        save_image(path.parent / f"{stem}{name}.nii.gz", data, on)
    for name in (*SPHERES, "brain"):
        Pillow.new("RGB", (320, 180), (40, 60, 80)).save(path.parent / f"{stem}desc-{name}_picture.png")
    words = {roi.name: roi.source_words for roi in study_of().roi}
    rois = {
        name: {"mask": f"{stem}{name}.nii.gz", "weights": f"{stem}{name}.nii.gz", "provisional": True, "source": words[name]}
        for name in SPHERES
    }
    plain = {
        "format": "rtfmri-preparation",
        "version": 1,
        "sub": sub,
        "ses": "01",
        "reference": f"{stem}ref.nii.gz",
        "brain_mask": f"{stem}brain.nii.gz",
        "tissue": {"white_matter": f"{stem}wm.nii.gz", "csf": f"{stem}csf.nii.gz"},
        "rois": rois,
        "accepted_by": None,
        "accepted_at": None,
        "rejected": False,
        "problems": [],
        "checks": [{"verdict": "good", "name": "brain", "words": "it follows the edge"}],
    }
    path.write_text(json.dumps(plain | decision), encoding="utf-8")
    path.with_suffix(".html").write_text("<p>pictures</p>", encoding="utf-8")
    return path


def display(**changes: Any) -> DisplayReport:
    """One that has nothing to complain of."""
    fields: dict[str, Any] = {
        "display": "stimulus PC",
        "software": SOFTWARE,
        "schema_version": SCHEMA,
        "sent_unix_s": 1000.0,
        "size_px": (1920, 1080),
        "refresh_hz": 60.0,
        "frames": 6000,
        "trigger": "keyboard",
        "pulses": 12,
        "pulse_unix_s": 999.0,
        "clock_offset_s": 0.002,
        "clock_error_s": 0.001,
    }
    return DisplayReport.model_validate({**fields, **changes})


def named(checks: tuple[Check, ...], name: str) -> Check:
    """The one of this name."""
    (found,) = (check for check in checks if check.name == name)
    return found
