"""A preparation as it is kept beside its images, and read again at arm. JSON names files without folders, so a dataset may be moved."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtfmri.errors import StudyError

FORMAT, VERSION = "rtfmri-preparation", 1
DERIVATIVES = Path("derivatives") / "rtfmri"


@dataclass(frozen=True)
class Prepared:
    """What a run needs: all images lie on the grid of ``reference``.

    ``accepted_by`` / ``accepted_at`` (ISO time): None where nobody has yet; ``rejected``: somebody looked and said no. ``problems``: why
    regions are refused; such a preparation cannot be accepted. ``source``: the words of each region's sources, as prepared.
    """

    path: Path
    sub: str
    ses: str
    reference: Path
    brain_mask: Path
    rois: dict[str, Path]
    weights: dict[str, Path]
    white_matter: Path
    csf: Path
    provisional: tuple[str, ...]
    sources: dict[str, str]
    accepted_by: str | None
    accepted_at: str | None
    rejected: bool
    problems: tuple[str, ...]
    plain: dict[str, Any]

    @property
    def usable(self) -> bool:
        """Whether a run may be armed with it."""
        return self.accepted_by is not None and not self.rejected and not self.problems


def prepared_path(out: Path, sub: str, ses: str) -> Path:
    """Where the preparation of a session is, or would be."""
    return folder_of(out, sub, ses) / f"sub-{sub}_ses-{ses}_desc-preparation.json"


def folder_of(out: Path, sub: str, ses: str) -> Path:
    """The folder of a session's preparation under the dataset ``out``."""
    return out / DERIVATIVES / f"sub-{sub}" / f"ses-{ses}" / "anat"


def load_prepared(path: Path) -> Prepared:
    """The preparation that ``path`` (its JSON) tells of.

    Raises
    ------
    StudyError : there is none, or a file of it is not there or not as it was written.
    """
    if not path.is_file():
        raise StudyError(f"There is no preparation {path}; run `rtfmri prepare` for this participant and session first.")
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if (plain["format"], plain["version"]) != (FORMAT, VERSION):
            raise ValueError(f"it is no {FORMAT} of version {VERSION}")
        prepared = _read(path, plain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(f"{path} cannot be used ({error}); run `rtfmri prepare` again.") from None
    files = (prepared.reference, prepared.brain_mask, prepared.white_matter, prepared.csf, *prepared.rois.values())
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise StudyError(f"{', '.join(missing)} is not beside {path.name}; put it back, or run `rtfmri prepare` again.")
    return prepared


def _read(path: Path, plain: dict[str, Any]) -> Prepared:
    folder, rois, tissue = path.parent, plain["rois"], plain["tissue"]
    usable = {name: roi for name, roi in rois.items() if roi["mask"] is not None}
    return Prepared(
        path=path,
        sub=plain["sub"],
        ses=plain["ses"],
        reference=folder / plain["reference"],
        brain_mask=folder / plain["brain_mask"],
        rois={name: folder / roi["mask"] for name, roi in usable.items()},
        weights={name: folder / roi["weights"] for name, roi in usable.items()},
        white_matter=folder / tissue["white_matter"],
        csf=folder / tissue["csf"],
        provisional=tuple(name for name, roi in rois.items() if roi["provisional"]),
        sources={name: roi["source"] for name, roi in rois.items()},
        accepted_by=plain["accepted_by"],
        accepted_at=plain["accepted_at"],
        rejected=plain["rejected"],
        problems=tuple(plain["problems"]),
        plain=plain,
    )


def decided(prepared: Prepared, accept_by: str | None, at: str) -> dict[str, Any]:
    """The JSON with the operator's decision: accepted by a name, or (None) rejected, ``at`` an ISO time.

    Raises
    ------
    StudyError : it holds a refused region and cannot be accepted.
    """
    if accept_by is not None and prepared.problems:
        raise StudyError("This preparation cannot be accepted:", *prepared.problems)
    accepted = {"accepted_by": accept_by, "accepted_at": at if accept_by else None}
    return prepared.plain | accepted | {"rejected": accept_by is None, "rejected_at": None if accept_by else at}
