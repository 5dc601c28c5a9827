"""Where the files of a run lie: names as in BIDS 1.10, raw data under OUT, what we computed under OUT/derivatives/rtfmri.

The rule: nothing that was recorded is ever overwritten. A finished run keeps its number; an unfinished one (no ``run_stop`` in its
journal) may be resumed under the same number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, RunStop
from rtfmri.record.journal import read_journal

DERIVATIVES = Path("derivatives") / "rtfmri"
JOURNAL = "_journal.jsonl"
_LABEL = re.compile(r"sub-([A-Za-z0-9]+)_ses-([A-Za-z0-9]+)_task-([A-Za-z0-9]+)_run-(\d+)_")


@dataclass(frozen=True)
class RunPaths:
    """Every path of one run under the dataset ``out``."""

    out: Path
    entities: Entities

    @property
    def raw_folder(self) -> Path:
        return self.out / f"sub-{self.entities.sub}" / f"ses-{self.entities.ses}" / "func"

    @property
    def folder(self) -> Path:
        """The run's folder under the derivatives."""
        return self.out / DERIVATIVES / f"sub-{self.entities.sub}" / f"ses-{self.entities.ses}" / "func"

    def _raw(self, ending: str) -> Path:
        return self.raw_folder / f"{self.entities.label}_{ending}"

    def derived(self, ending: str) -> Path:
        """A file beside the journal."""
        return self.folder / f"{self.entities.label}_{ending}"

    @property
    def bold_growing(self) -> Path:
        """The uncompressed NIfTI while the run goes on."""
        return self._raw("bold.nii")

    @property
    def bold(self) -> Path:
        return self._raw("bold.nii.gz")

    @property
    def events(self) -> Path:
        return self._raw("events.tsv")

    @property
    def stim(self) -> Path:
        """What was on the participant's glass; the JSON that BIDS asks for lies beside it."""
        return self._raw("stim.tsv.gz")

    @property
    def journal(self) -> Path:
        return self.folder / f"{self.entities.label}{JOURNAL}"

    @property
    def physio(self) -> Path:
        """Pulse and breathing, where the run had them; the JSON that BIDS asks for lies beside it."""
        return self._raw("recording-live_physio.tsv.gz")

    @property
    def physio_growing(self) -> Path:
        """The rows so far while the run goes on."""
        return self._raw("recording-live_physio.f64")

    @property
    def physio_began(self) -> Path:
        """What tells a resumed run the place of further rows."""
        return self._raw("recording-live_physio.began.json")

    @property
    def confounds(self) -> Path:
        return self.derived("desc-confounds_timeseries.tsv")

    @property
    def nf(self) -> Path:
        return self.derived("desc-nf_timeseries.tsv")

    @property
    def study(self) -> Path:
        return self.derived("desc-resolved_study.json")

    @property
    def versions(self) -> Path:
        return self.derived("desc-versions.json")

    @property
    def allocation(self) -> Path:
        """The run's own sealed allocation, where its study has one."""
        return self.derived("desc-control_allocation.json")

    @property
    def reference(self) -> Path:
        return self.derived("desc-reference_boldref.nii.gz")

    @property
    def earlier(self) -> Path:
        """The image of an earlier run or session that the regions lie on, where there is one."""
        return self.derived("desc-earlier_boldref.nii.gz")

    @property
    def brain_mask(self) -> Path:
        return self.derived("desc-brain_mask.nii.gz")

    def roi_masks(self, names: tuple[str, ...]) -> dict[str, Path]:
        """The weights' file of each region. BIDS labels hold letters and digits only: ``left_tpj`` is written ``leftTpj``.

        Raises
        ------
        StudyError : two regions, or a region and the brain mask, would be one file.
        """
        paths = {name: self.derived(f"desc-{_label(name)}_mask.nii.gz") for name in names}
        taken = [path.name.lower() for path in (*paths.values(), self.brain_mask)]
        doubles = [name for name, path in paths.items() if taken.count(path.name.lower()) > 1]
        if doubles:
            raise StudyError(f"The regions {', '.join(doubles)} would be saved under a name that is taken; give each roi another name.")
        return paths

    @property
    def report(self) -> Path:
        """The run on one page, for people; it can be written anew."""
        return self.derived("report.html")

    @property
    def finished(self) -> bool:
        """Whether this run was recorded to its end."""
        if self.bold.exists():
            return True
        return self.journal.exists() and any(isinstance(e.message, RunStop) for e in read_journal(self.journal))


def claim(out: Path, entities: Entities) -> RunPaths:
    """The paths of a run to be recorded, their folders made; an unfinished record of the same entities may be resumed.

    Raises
    ------
    StudyError : a finished record of these entities exists, or the folders cannot be made.
    """
    paths = unfinished(out, entities)
    try:
        for folder in (paths.raw_folder, paths.folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"The output folder {out} cannot be written ({error.strerror}); choose another, or get the right to write."
        ) from None
    return paths


def unfinished(out: Path, entities: Entities) -> RunPaths:
    """The paths of a run that may be recorded, or gone on with.

    Raises
    ------
    StudyError : a finished record of these entities exists.
    """
    paths = RunPaths(out, entities)
    if paths.finished:
        free = next_run(out, entities.sub, entities.ses, entities.task)
        raise StudyError(f"{entities.label} is already recorded in {out} and is never overwritten; the next free run number is {free}.")
    return paths


def next_run(out: Path, sub: str, ses: str, task: str) -> int:
    """One more than the highest run number of which there is any file; 1 where there is none."""
    entities = Entities(sub=sub, ses=ses, task=task)
    paths = RunPaths(out, entities)
    names = [path.name for folder in (paths.raw_folder, paths.folder) if folder.is_dir() for path in folder.iterdir()]
    found = [_LABEL.match(name) for name in names]
    return 1 + max((int(label[4]) for label in found if label and label[3] == task), default=0)


def paths_of(journal: Path) -> RunPaths:
    """The paths of the run whose journal this is, wherever its dataset has been moved to.

    Raises
    ------
    StudyError : the journal does not lie where a record has it.
    """
    label = _LABEL.match(journal.name)
    journal = journal.resolve()
    if label and len(journal.parents) > 5:
        sub, ses, task, run = label.groups()
        paths = RunPaths(journal.parents[5], Entities(sub=sub, ses=ses, task=task, run=int(run)))
        if paths.journal == journal:
            return paths
    raise StudyError(f"{journal} does not lie in a record's {DERIVATIVES}/sub-XX/ses-YY/func; put it back, with the files beside it.")


def _label(name: str) -> str:
    first, *others = (part for part in name.split("_") if part)
    return first + "".join(other[:1].upper() + other[1:] for other in others)
