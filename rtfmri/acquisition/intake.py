"""From the bytes of files to a run: is it the run, decode, stack slices, combine echoes, assemble. Pure: time is passed in.

A watched folder, the network listener and recordings are thin shells around it. ``open`` judges and decodes one file by itself (bytes ->
``Opened``); ``take`` puts what it held in its place and says what is due; ``tick`` says what is due by now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtfmri.acquisition.assemble import Assembler
from rtfmri.acquisition.echoes import EchoCombiner
from rtfmri.acquisition.files import read
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.layout import Layout
from rtfmri.acquisition.nifti_files import index_in
from rtfmri.acquisition.nifti_volume import is_nifti, volume_of_file
from rtfmri.acquisition.restart import RestartGuard
from rtfmri.acquisition.series import SeriesChooser
from rtfmri.acquisition.slices import Mark, Slice
from rtfmri.acquisition.stack import Stacked, Stacker
from rtfmri.acquisition.vendors import Piece, decode, mark_of
from rtfmri.errors import IncompleteError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Arrival, SourceFault, SourceItem, Volume

FEW_EMPTY_ROWS = 2  # that vendors leave at the end of a slice (GE one, Philips up to two)


@dataclass(frozen=True, eq=False)
class Opened:
    """What one complete file turned out to be: pieces of the run, or why it is none. ``mark``: where a file that cannot be used belongs."""

    pieces: tuple[Piece, ...] = ()
    echo: int = 1
    mark: Mark | None = None
    fault: SourceFault | None = None
    by_name: bool = False  # the number of its volume is in the file's name: ``Intake.named`` puts it in
    decode_s: float = 0.0  # as whoever called ``open`` measured it


class Intake:
    """One run.

    Parameters
    ----------
    rule : which series is the run.
    settings : ``missing_after_tr`` is used.
    first_index : volumes before it are ignored (a resumed run).
    obey_missing : indices that the live run gave up; replaying obeys.
    layout : how slices are numbered, if it is known beforehand.
    """

    def __init__(
        self,
        rule: SeriesRule,
        settings: Acquisition,
        *,
        first_index: int = 0,
        obey_missing: frozenset[int] = frozenset(),
        layout: Layout | None = None,
    ) -> None:
        self._chooser = SeriesChooser(rule)
        self._rule, self._tr_s, self._unnamed = rule, settings.tr_s, set[str]()
        self._first = first_index
        self._restart = RestartGuard()
        self._usual_empty_rows, self._doubted = FEW_EMPTY_ROWS, False
        self._stackers = {echo: Stacker(layout) for echo in rule.echoes}
        weights = {echo: rule.echo_weights[echo - 1] for echo in rule.echoes} if rule.echo_weights else {}
        self._combiner = EchoCombiner(weights) if len(weights) > 1 else None
        self._assembler = Assembler(
            missing_after_tr=settings.missing_after_tr, first_index=first_index, obey_missing=obey_missing, what_came=self._what_came
        )

    def open(self, data: bytes, settled: bool) -> Opened:
        """A file from its bytes; ``settled``: no more of it is to be expected.

        Raises
        ------
        IncompleteError : more is to come.
        VolumeError : it is no MR image at all.
        """
        if is_nifti(data):
            return Opened(self._written((volume_of_file(data, 0, self._tr_s),), settled), by_name=True)
        image = read(data)
        header = image.header
        wanted, fault = self._chooser.judge(header)
        if not wanted:
            return Opened(fault=fault)
        try:
            pieces = decode(image)
        except VolumeError as error:
            return self.refused(header, f"a file of the run is refused: {error}")
        return Opened(self._written(pieces, settled), header.echo_number or 1)

    def _written(self, pieces: tuple[Piece, ...], settled: bool) -> tuple[Piece, ...]:
        """The pieces of a file, unless it looks as if its end were still to be written."""
        if not settled or self._doubted:
            self._judge_empty_rows(max(map(empty_rows, pieces), default=0), settled)
        return pieces

    def _judge_empty_rows(self, rows: int, settled: bool) -> None:
        """A file that is not known to be finished may be preallocated, its end still zeros; how many zero rows are usual is learned."""
        if not settled and rows > self._usual_empty_rows:
            self._doubted = True
            raise IncompleteError("it has slices without any signal at their end; it may still be being written")
        self._usual_empty_rows = max(self._usual_empty_rows, rows)

    def named(self, opened: Opened, name: str) -> Opened:
        """A NIfTI file with the number in its ``name``, if the rule takes it; any other file as it is."""
        if not opened.by_name:
            return opened
        try:
            index = index_in(name, self._rule)
        except VolumeError as error:
            untold = str(error) not in self._unnamed
            self._unnamed.add(str(error))
            return Opened(fault=SourceFault("other_series", f"the file {name} is ignored: {error}", severity="info") if untold else None)
        return replace(opened, pieces=tuple(replace(piece, index=index) for piece in opened.pieces if isinstance(piece, Volume)))

    def refused(self, header: Header, reason: str) -> Opened:
        """A file of the run that cannot be used."""
        return Opened((), header.echo_number or 1, mark_of(header), SourceFault("unreadable", reason))

    def take(self, opened: Opened, now_s: float, arrival: Arrival | None = None) -> list[SourceItem]:
        """What is due now that this file has come; volumes that it makes whole get its ``arrival``."""
        items: list[SourceItem] = []
        stacker = self._stackers.get(opened.echo) or next(iter(self._stackers.values()))
        for piece in opened.pieces:
            items += self._place(self._made_of(piece, stacker), opened.echo, now_s, arrival)
        if opened.fault is not None:
            items.append(opened.fault)
            index = None if opened.mark is None else stacker.index_of(opened.mark)
            items += [] if index is None else self._assembler.refuse(index, opened.fault.text, now_s)
        return items

    def tick(self, now_s: float) -> list[SourceItem]:
        """What is due at ``now_s``."""
        return self._assembler.tick(now_s)

    def deadline(self) -> float | None:
        """When ``tick`` must be called next, if nothing comes before; None: never."""
        return self._assembler.deadline()

    def refuse(self, index: int, reason: str, now_s: float) -> list[SourceItem]:
        """Volume ``index`` will not come."""
        return self._assembler.refuse(index, reason, now_s)

    def close(self, index: int, now_s: float) -> list[SourceItem]:
        """No more files of volume ``index`` will come: if it is not whole, it never will be."""
        reason = self._what_came(index)
        return [] if reason is None else self._assembler.refuse(index, reason, now_s)

    def finish(self, now_s: float) -> list[SourceItem]:
        """The run is over: everything that still waits, and the gaps before it."""
        items: list[SourceItem] = []
        for echo, stacker in self._stackers.items():
            items += self._place(stacker.finish(), echo, now_s, None)
        return items + self._assembler.finish(now_s)

    def _made_of(self, piece: Piece, stacker: Stacker) -> list[Stacked]:
        """What a piece makes whole, or what to say of it."""
        index = stacker.index_of(piece.mark) if isinstance(piece, Slice) else piece.index
        at_s = piece.acquired_s
        if at_s is None and isinstance(piece, Slice) and piece.started_s is not None:
            at_s = piece.started_s + (index or 0) * piece.tr_s
        wanted, fault = self._restart.judge(index, at_s, piece.tr_s)
        if not wanted or (index is not None and index < self._first):
            return [fault] if fault is not None else []
        return stacker.add(piece) if isinstance(piece, Slice) else [piece]

    def _place(self, made: list[Stacked], echo: int, now_s: float, arrival: Arrival | None) -> list[SourceItem]:
        items: list[SourceItem] = []
        for one in made:
            if isinstance(one, SourceFault):
                items.append(one)
            elif isinstance(one, Volume):
                items += self._add(one, echo, now_s, arrival)
            else:
                items += self._assembler.refuse(one.index, one.reason, now_s)
        return items

    def _add(self, volume: Volume, echo: int, now_s: float, arrival: Arrival | None) -> list[SourceItem]:
        try:
            whole = volume if self._combiner is None else self._combiner.add(echo, volume)
        except VolumeError as error:
            return self._assembler.refuse(volume.index, str(error), now_s)
        return [] if whole is None else self._assembler.add(replace(whole, arrival=arrival), now_s)

    def _what_came(self, index: int) -> str | None:
        """Of a volume that is given up: what there was of it, as a sentence."""
        parts = [stacker.give_up(index) for stacker in self._stackers.values()]
        parts += [] if self._combiner is None else [self._combiner.give_up(index)]
        said = [part for part in parts if part is not None]
        return f"volume {index + 1} is not whole: {'; '.join(said)}" if said else None


def empty_rows(piece: Piece) -> int:
    """How many rows at the end of a slice are zero throughout; of a volume's slices, the most. Stored rows begin at the file's last."""
    signal = np.asarray(piece.data.any(axis=0))
    first = signal.argmax(axis=0)
    return int(np.where(signal.any(axis=0), first, signal.shape[0]).max())


def handed_on(item: SourceItem, now_s: float) -> SourceItem:
    """The item with the time that assembling took, by the clock of ``Arrival.noticed_s``."""
    if not isinstance(item, Volume) or item.arrival is None:
        return item
    arrival = item.arrival
    return replace(item, arrival=replace(arrival, assemble_s=now_s - arrival.noticed_s - arrival.decode_s))
