"""Whether the study's rule finds the run among what the scanner has sent, and what a volume of it looks like.

Only a part of a large folder is opened: the newest files up to ``NEWEST_BYTES``, and ``OTHERS`` spread over the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtfmri.acquisition.files import read
from rtfmri.acquisition.inspect import summaries_of
from rtfmri.acquisition.layout import layout_of
from rtfmri.acquisition.stack import Stacker
from rtfmri.acquisition.survey import Surveyed, choose, look_at
from rtfmri.acquisition.vendors import decode, mark_of
from rtfmri.errors import VolumeError
from rtfmri.preflight.check import Check
from rtfmri.preflight.scanner import Folder
from rtfmri.study import SeriesRule
from rtfmri.volume import SeriesSummary, Volume

NEWEST_BYTES, MOST_NEWEST, OTHERS = 12_000_000, 160, 16
THE_RUN = "the run"
A_RUN = 10  # volumes of a series that is no localizer or reference image
NAMED = 4  # so many other series are told of
SAME_TR_S = 1e-3


@dataclass(frozen=True, eq=False)
class Series:
    """``looked_at`` of ``files`` were opened; ``volume``: one of the series that the rule takes, whole."""

    found: tuple[SeriesSummary, ...] = ()
    looked_at: int = 0
    files: int = 0
    volume: Volume | None = None

    @property
    def fitting(self) -> SeriesSummary | None:
        return next((summary for summary in self.found if summary.extra.get("rule") == THE_RUN), None)


def read_series(folder: Folder, rule: SeriesRule) -> Series:
    """What the newest files are."""
    paths = sample_of([path for path, _ in folder.paths])
    surveyed = [look_at(path) for path in paths]
    if not surveyed:
        return Series()
    chosen = choose(surveyed, rule).files
    return Series(tuple(summaries_of(surveyed, rule)), len(paths), len(folder.paths), whole_volume(chosen))


def sample_of(newest_first: Sequence[Path]) -> list[Path]:
    """The newest, and some of the rest at even distances."""
    newest: list[Path] = []
    left = NEWEST_BYTES
    for path in newest_first[:MOST_NEWEST]:
        if newest and left <= 0:
            break
        newest.append(path)
        left -= _size(path)
    rest = newest_first[len(newest) :]
    return newest + list(rest[:: max(1, len(rest) // OTHERS)])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def whole_volume(files: Sequence[Surveyed]) -> Volume | None:
    """The first volume that some of these files of one run make."""
    marks = [mark for entry in files if entry.header is not None and (mark := mark_of(entry.header)) is not None]
    stacker = Stacker(layout_of(marks))
    for entry in files:
        try:
            pieces = decode(read(entry.path.read_bytes()))
        except (VolumeError, OSError):
            continue
        for piece in pieces:
            made = [piece] if isinstance(piece, Volume) else stacker.add(piece)
            whole = next((item for item in made if isinstance(item, Volume)), None)
            if whole is not None:
                return whole
    return None


def rule_words(rule: SeriesRule) -> str:
    """``protocol bold_nf*``, ``series 7``, or both."""
    parts = [f"series {rule.number}"] if rule.number is not None else []
    parts += [f"protocol {rule.protocol}"] if rule.protocol is not None else []
    return ", ".join(parts) or "any echo-planar series"


def series_check(series: Series, rule: SeriesRule, tr_s: float | None) -> Check:
    """``tr_s``: what the study expects."""
    fitting = series.fitting
    if fitting is None:
        return _none_fits(series, rule)
    name = f"Series {fitting.number} ({fitting.protocol or 'no name'}) fits the rule ({rule_words(rule)})"
    if not fitting.usable:
        return Check("series rule", "failed", f"{name}, but it {fitting.note}.", "Export it in another format; see `rtfmri inspect`.")
    if tr_s is not None and fitting.tr_s is not None and abs(fitting.tr_s - tr_s) > SAME_TR_S:
        advice = "Correct acquisition.tr_s in the study, or the protocol on the scanner."
        return Check("series rule", "failed", f"{name}, but its TR is {fitting.tr_s:g} s and the study expects {tr_s:g} s.", advice)
    if rule.number is not None:
        advice = "What lies there when the run is armed is left out: correct the number if the scan gets another one."
        return Check("series rule", "warning", f"{name}, and lies in the folder already.", advice)
    kind = f"{fitting.vendor} {fitting.kind}, TR {fitting.tr_s:g} s" if fitting.tr_s else f"{fitting.vendor} {fitting.kind}"
    return Check("series rule", "ok", f"{name}: {kind}.{_why_not_others(series)}")


def _none_fits(series: Series, rule: SeriesRule) -> Check:
    if not series.found:
        return Check("series rule", "unknown", f"Nothing has come to try the rule on ({rule_words(rule)}).")
    functional = [summary for summary in series.found if summary.number is not None and summary.volumes >= A_RUN]
    said = f"No series that has come fits the rule ({rule_words(rule)}).{_why_not_others(series)}"
    if not functional:
        return Check("series rule", "unknown", said, "The run itself will show; compare its name on the scanner with the rule.")
    return Check("series rule", "warning", said, "Compare the protocol's name on the scanner with acquisition.series in the study.")


def _why_not_others(series: Series) -> str:
    others = [summary for summary in series.found if summary.number is not None and summary.extra.get("rule") not in (None, THE_RUN)]
    told = [f"{summary.number} {summary.protocol or 'without a name'}: {summary.extra['rule']}" for summary in others[-NAMED:]]
    more = f"; {len(others) - NAMED} more" if len(others) > NAMED else ""
    return f" Not the run: {'; '.join(told)}{more}." if told else ""
