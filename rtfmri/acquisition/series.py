"""Which series is the run: the study's rule, applied to headers. The first series that fits is pinned; every other is told of once.

A series that fits by name is still not the run if it is the scanner's own by-product: motion-corrected where the raw one is wanted (or the
other way round), derived (maps, means), phase, a single-band reference, diffusion, a later echo. A rule that gives the series' number
takes the operator's word and leaves all of these but MoCo, phase and echo unasked.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.vendors import decoder_for, kind_of
from rtfmri.study import SeriesRule
from rtfmri.volume import SourceFault

SeriesKey = tuple[str, int | None, str, int | None]


def key_of(header: Header) -> SeriesKey:
    """What tells series apart, in memory only; the echoes of a series count as series of their own."""
    return header.series_uid, header.series_number, header.protocol, header.echo_number


def why_not(header: Header, rule: SeriesRule) -> str | None:
    """Why a series is not the run, in the operator's words; None: it is."""
    if not named_by(header, rule):
        return "it is not the one that the study names"
    moco = is_moco(header)
    if moco != rule.moco:
        return "it is the scanner's motion-corrected copy" if moco else "it is not motion-corrected by the scanner"
    if header.image_type[2:3] == ("P",):
        return "it holds phase, not magnitude"
    if (header.echo_number or 1) > 1:
        return f"it is echo {header.echo_number}; echoes are not combined yet"
    by_product = None if rule.number is not None or moco else _by_product(header)
    if by_product is not None:
        return by_product
    return None if decoder_for(header) else f"{kind_of(header)} is not decoded yet"


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
        self._pinned: SeriesKey | None = None
        self._told: set[SeriesKey] = set()

    def judge(self, header: Header) -> tuple[bool, SourceFault | None]:
        """Whether a file is of the run; and, the first time for each other series, what to say of it."""
        key = key_of(header)
        if key == self._pinned:
            return True, None
        if key in self._told:
            return False, None
        reason = why_not(header, self._rule)
        if reason is None and self._pinned is None:
            self._pinned = key
            return True, None
        self._told.add(key)
        return False, self._ignored(header, reason)

    def _ignored(self, header: Header, reason: str | None) -> SourceFault:
        if reason is None:
            text = f"{header.series} fits the study's rule too, but the run is already another: ignored"
            return SourceFault("second_series", text, "If the scan was started anew, stop the run and arm the next.")
        asked_for = self._rule.number is not None or self._rule.protocol is not None
        undecoded = asked_for and decoder_for(header) is None and named_by(header, self._rule)
        text = f"{header.series} is not the run ({reason}): ignored"
        return SourceFault("other_series", text, severity="warning" if undecoded else "info")
