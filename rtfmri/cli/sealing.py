"""``rtfmri seal`` and ``rtfmri unblind``: for the person who keeps the allocation and its key, and does not operate."""

from __future__ import annotations

from pathlib import Path

from nacl.public import PrivateKey
from rich.console import Console

from rtfmri.errors import StudyError
from rtfmri.record.durable import write_whole
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allocation import sealed_allocation
from rtfmri.sham.boxes import load_key, save_new_key
from rtfmri.sham.making import allocate
from rtfmri.sham.unblinding import AUDIT, Who, audit_of, blind_runs, unblind
from rtfmri.study import load_unready_study


def seal_allocation(table: Path, out: Path, key_out: Path | None, key: Path | None, study_file: Path | None) -> int:
    """Check the CSV, write the sealed file; nothing is written where anything is wrong."""
    if (key_out is None) == (key is None):
        raise StudyError("Give either --key-out FILE (a new key is made) or --key FILE (the key of an earlier allocation).")
    if key_out is not None and key_out.exists():
        raise StudyError(f"The key {key_out} is already there and is never overwritten; seal with it (--key), or name another file.")
    private_key = PrivateKey.generate() if key is None else load_key(key)
    study = None if study_file is None else load_unready_study(study_file)
    allocation = allocate(_text(table), lambda source: RecordedRun.open(table.parent / source), private_key, study)
    if key_out is not None:
        save_new_key(key_out, private_key)
    try:
        write_whole(out, [sealed_allocation(allocation, private_key.public_key)])
    except OSError as error:
        raise StudyError(f"The sealed allocation {out} cannot be written ({error.strerror}); choose another place.") from None
    console = Console()
    console.print(f"{len(allocation.entries)} rows are sealed in {out}.", soft_wrap=True, highlight=False)
    if key_out is not None:
        console.print(f"The key lies in {key_out}. Keep a copy: without it nobody can ever open the runs.", soft_wrap=True)
    console.print(f"Take {table} away from the operator's computer; it says everything in the clear.", soft_wrap=True)
    return 0


def unblind_runs(source: Path, key: Path | None, by: str, reason: str, audit: bool) -> int:
    """Open blind runs under a line of the audit, or (``audit``) show and check the audit; 1 where it is not sound."""
    console = Console()
    if not source.exists():
        raise StudyError(f"{source} is not there; check the path.")
    if audit:
        return _show_audit(source, console)
    if key is None:
        raise StudyError("Opening the runs needs the key: --key FILE.")
    private_key = load_key(key)
    runs = blind_runs(source)
    for path in unblind(runs, private_key, Who(by, reason)):
        console.print(f"Opened: {path}", soft_wrap=True, highlight=False)
    for out in dict.fromkeys(run.paths.out for run in runs):
        console.print(f"The audit {out / AUDIT} says so.", soft_wrap=True, highlight=False)
    return 0


def _show_audit(out: Path, console: Console) -> int:
    chain = audit_of(out)
    for line in chain.lines:
        runs = ", ".join(line.get("runs", {}))
        said = f"{line.get('number')}. {line.get('when')}  {line.get('by')}: {line.get('reason')} ({line.get('software')})  {runs}"
        console.print(said, soft_wrap=True, highlight=False, markup=False)
    for problem in chain.problems:
        console.print(problem, style="bold red", soft_wrap=True)
    if not chain.problems:
        console.print(f"{len(chain.lines)} lines; the chain is whole." if chain.lines else "Nothing was opened here.", soft_wrap=True)
    return 1 if chain.problems else 0


def _text(table: Path) -> str:
    try:
        return table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "save it as UTF-8 text"
        raise StudyError(f"The allocation {table} cannot be read ({reason}); check the path.") from None
