"""From the rows of a CSV to an allocation: yoked values are read from the records now, so that nothing is left to fail at arm.

Every mistake is found before anything is said. Who may read these sentences made the allocation: they name conditions freely.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nacl.public import PrivateKey

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, VolumeMessage
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allocation import Allocation, Entry
from rtfmri.sham.blinding import opened
from rtfmri.sham.protocol import Protocol, differences, protocol_of, recorded_protocol
from rtfmri.sham.rows import Row, read_rows
from rtfmri.sham.yoke import unfit, yoke_of
from rtfmri.study import Study

OpenRecord = Callable[[str], RecordedRun]


def allocate(text: str, open_record: OpenRecord, key: PrivateKey, study: Study | None = None) -> Allocation:
    """The allocation that the CSV ``text`` means. With the ``study``, regions and timing are checked against it.

    Parameters
    ----------
    open_record : opens the record that a row's source names; raises StudyError where it cannot.
    key : opens source runs of a blind study, to see that they were shown their own values.

    Raises
    ------
    StudyError : with every mistake of the table, a sentence each.
    """
    rows, problems = read_rows(text)
    protocol = None if study is None else protocol_of(study)
    entries: list[Entry] = []
    for row in rows:
        said, entry, protocol = _entry(row, open_record, key, protocol)
        said += _unknown_region(row.entry, study)
        entries.append(entry)
        problems += [f"Line {row.line}: {sentence}." for sentence in said]
    if problems:
        raise StudyError(*problems)
    return Allocation(entries=tuple(entries), protocol=protocol)


def _entry(row: Row, open_record: OpenRecord, key: PrivateKey, protocol: Protocol | None) -> tuple[list[str], Entry, Protocol | None]:
    """Problems, the entry with its values, and what the sources after it must have in common."""
    if row.entry.condition != "yoked":
        return [], row.entry, protocol
    try:
        source = open_record(row.source)
    except StudyError as error:
        return [f"the source {row.source} is not recorded ({str(error).rstrip('.')})"], row.entry, protocol
    found = recorded_protocol(source.envelopes)
    said = unfit(source.envelopes) + _not_own(source.envelopes, key)
    if source.entities.sub == row.entry.sub:
        said.append("it is the participant's own run")
    if found is not None and protocol is not None:
        said += differences(protocol, found)
    said = [f"the source {row.source} cannot be shown: {'; '.join(said)}"] if said else []
    if said:
        return said, row.entry, protocol
    entry = row.entry.model_copy(update={"source": source.entities.label, "yoke": yoke_of(source.envelopes)})
    return [], entry, protocol or found


def _not_own(envelopes: Sequence[Envelope], key: PrivateKey) -> list[str]:
    """A sham run is no source for another; a sealed one must be opened to know."""
    first = next((e.message for e in envelopes if isinstance(e.message, VolumeMessage)), None)
    if first is None:
        return []
    if first.sealed is not None:
        try:
            first = opened(first, key)
        except StudyError:
            return ["it is sealed with another key, so nobody can tell whether it was shown its own values; seal with that key (--key)"]
    return [] if first.control in (None, "own") else [f"it was itself shown values that were not its own ({first.control})"]


def _unknown_region(entry: Entry, study: Study | None) -> list[str]:
    if entry.region is None or study is None or entry.region in study.control.regions:
        return []
    return [f"the study has no control region {entry.region}; it has {', '.join(sorted(study.control.regions)) or 'none'}"]
