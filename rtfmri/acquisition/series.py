"""Which series is the run: the study's rule, applied to headers. The first series that fits is pinned; every other is told of once.

A series that fits by name is still not the run if it is the scanner's own by-product: motion-corrected where the raw one is wanted (or the
other way round), derived (maps, means), phase, a single-band reference, diffusion, another echo. A rule that gives the series' number
takes the operator's word and leaves all of these but MoCo, phase and echo unasked. A rule that gives neither number nor name takes
echo-planar series only.

Of the run are also: the other echoes that the rule asks for; and what Siemens XA splits off, each volume as a series of its own, or with
another UID from some volume on: the same study, protocol and matrix, with a volume number that the clock confirms (``goes_on``).
A series that fits too, but whose numbers start again later than the run began, is the scan started anew: told of, and left out.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from rtfmri.acquisition.headers import Header, passed_s
from rtfmri.acquisition.vendors import decoder_for, kind_of, mark_of
from rtfmri.study import SeriesRule
from rtfmri.volume import SourceFault

SeriesKey = tuple[str, int | None, str, int | None, bool]
ON_TIME_TR = 1.5  # so far from where its number says a volume of the run may be by the clock


def key_of(header: Header) -> SeriesKey:
    """What tells series apart, in memory only; the echoes of a series, and its phase, count as series of their own."""
    return header.series_uid, header.series_number, header.protocol, header.echo_number, is_phase(header)


def why_not(header: Header, rule: SeriesRule) -> str | None:
    """Why a series is not the run, in the operator's words; None: it is."""
    if not named_by(header, rule):
        return "it is not the one that the study names"
    moco = is_moco(header)
    if moco != rule.moco:
        return "it is the scanner's motion-corrected copy" if moco else "it is not motion-corrected by the scanner"
    if is_phase(header):
        return "it holds phase, not magnitude"
    if (header.echo_number or 1) not in rule.echoes:
        return f"it is echo {header.echo_number or 1}"
    by_product = None if rule.number is not None or moco else _by_product(header)
    if by_product is not None:
        return by_product
    if rule.number is None and rule.protocol is None and is_other_sequence(header):
        return "it is not echo-planar"
    return None if decoder_for(header) else f"{kind_of(header)} are not decoded"


def is_phase(header: Header) -> bool:
    """Whether these images hold phase (Philips and Siemens write that third or fourth)."""
    return any(part in ("P", "PHASE", "PHASE MAP") for part in header.image_type[2:5])


def is_other_sequence(header: Header) -> bool:
    """Whether the header says that this is no echo-planar sequence; Philips says so by its EPI factor only."""
    factor = header.private.get("philips_epi_factor", 2.0 if header.vendor.upper().startswith("PHILIPS") else 1.0)
    return bool(header.scanning) and "EP" not in header.scanning and factor <= 1.0


def goes_on(header: Header, first: Header) -> bool:
    """Whether a Siemens file of another series is of the run that ``first`` began: the same protocol, and number and clock agree."""
    same = [
        (one.study_uid, one.protocol, one.description, one.image_type, one.rows, one.columns, one.tr_s, one.echo_number)
        for one in (header, first)
    ]
    mark, begun = mark_of(header), mark_of(first)
    if same[0] != same[1] or not header.study_uid or "SIEMENS" not in header.vendor.upper() or mark is None or begun is None:
        return False
    if mark.index is None or begun.index is None or header.acquired_s is None or first.acquired_s is None:
        return False
    if not first.tr_s or header.series_number is None or first.series_number is None:
        return False
    volumes = mark.index - begun.index
    late_s = passed_s(first.acquired_s, header.acquired_s) - volumes * first.tr_s
    return header.series_number - first.series_number in (0, volumes) and abs(late_s) <= ON_TIME_TR * first.tr_s


def is_moco(header: Header) -> bool:
    """Whether this is the scanner's own motion-corrected copy."""
    return "MOCO" in header.image_type or header.description.upper().startswith("MOCO")


def named_by(header: Header, rule: SeriesRule) -> bool:
    """Whether number and name are those that the rule asks for; names regardless of case."""
    if rule.number is not None and header.series_number != rule.number:
        return False
    if rule.protocol is None:
        return True
    return any(fnmatchcase(name.lower(), rule.protocol.lower()) for name in (header.protocol, header.description))


def _by_product(header: Header) -> str | None:
    if header.image_type[:1] == ("DERIVED",):
        return "it is derived, not measured"
    if "DIFFUSION" in header.image_type:
        return "it is diffusion-weighted"
    if header.description.upper().endswith("SBREF"):
        return "it is the single-band reference"
    return None


class SeriesChooser:
    """Pins the first series that fits ``rule``."""

    def __init__(self, rule: SeriesRule) -> None:
        self._rule = rule
        self._first: Header | None = None
        self._pinned: set[SeriesKey] = set()
        self._told: set[SeriesKey] = set()

    def judge(self, header: Header) -> tuple[bool, SourceFault | None]:
        """Whether a file is of the run; and, the first time for each other series, what to say of it."""
        key = key_of(header)
        if key in self._pinned:
            return True, None
        if key in self._told:
            return False, None
        reason = why_not(header, self._rule)
        if self._is_part(header, reason):
            self._first = self._first or header
            self._pinned.add(key)
            return True, None
        self._told.add(key)
        return False, self._ignored(header, reason)

    def _is_part(self, header: Header, reason: str | None) -> bool:
        """Whether a series begins the run or belongs to it; ``reason``: why it does not fit the rule."""
        if self._first is None:
            return reason is None
        echo_of_it = key_of(header)[:3] == key_of(self._first)[:3] and header.echo_number != self._first.echo_number
        return (reason is None and echo_of_it) or goes_on(header, self._first)

    def _ignored(self, header: Header, reason: str | None) -> SourceFault:
        if reason is None and self._first is not None and _is_anew(header, self._first):
            text = f"{header.series} is the run's protocol, started anew: its volumes are left out"
            return SourceFault("restarted", text, "Stop the run, and arm the next; the scan has been started again.")
        if reason is None:
            text = f"{header.series} fits the study's rule too, but the run is already another: ignored"
            return SourceFault("second_series", text, "If the scan was started anew, stop the run and arm the next.")
        asked_for = self._rule.number is not None or self._rule.protocol is not None
        undecoded = asked_for and decoder_for(header) is None and named_by(header, self._rule)
        text = f"{header.series} is not the run ({reason}): ignored"
        return SourceFault("other_series", text, severity="warning" if undecoded else "info")


def _is_anew(header: Header, first: Header) -> bool:
    """Whether a series is the protocol of ``first``, later, and with numbers that go on less than the clock does."""
    mark, begun = mark_of(header), mark_of(first)
    same = (header.protocol, header.description, header.rows, header.columns) == (
        first.protocol,
        first.description,
        first.rows,
        first.columns,
    )
    if not same or mark is None or begun is None or mark.index is None or begun.index is None:
        return False
    if header.acquired_s is None or first.acquired_s is None or not first.tr_s:
        return False
    return passed_s(first.acquired_s, header.acquired_s) > (mark.index - begun.index + ON_TIME_TR) * first.tr_s
