"""How near a way came to the truth, over the runs of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bench_phantom_runs import Measured
from bench_phantom_ways import Found, baseline_of, recent

CLEAR_PERCENT = 0.25
HEADER = f"{'':32s}   r    block 1  2-6   volumes  sign   1 SE of volumes, blocks   rms error of scores"


@dataclass(frozen=True)
class Verdict:
    """Correlations pooled over runs; ``sign`` of clear blocks; shares within one standard error, with their errors between runs."""

    r: float
    first: float
    later: float
    volumes: float
    sign: float
    covered_volumes: float
    covered_blocks: float
    covered_volumes_error: float
    covered_blocks_error: float
    rms_percent: float

    def line(self, way: str) -> str:
        return (
            f"{way:32s} {self.r:.3f}  {self.first:.3f}  {self.later:.3f}  {_number(self.volumes)}   {100 * self.sign:3.0f} %  "
            f"{_share(self.covered_volumes)} +- {_share(self.covered_volumes_error)}, {_share(self.covered_blocks)}       "
            f"{self.rms_percent:.3f} %"
        )


def judged(runs: Sequence[Measured], found: Sequence[Found]) -> Verdict:
    amplitudes = np.array([run.amplitudes for run in runs])
    scores, truth = np.array([each.scores for each in found]), np.array([true_scores(run) for run in runs])
    pairs = [pair for run, each in zip(runs, found, strict=True) for pair in volume_pairs(run, each)]
    clear = np.abs(amplitudes) > CLEAR_PERCENT
    volumes = [_within(volume_pairs(run, each)) for run, each in zip(runs, found, strict=True)]
    blocks = [
        _within([(t, s, e) for t, s, e in zip(true_scores(run), each.scores, each.scores_se, strict=True)])
        for run, each in zip(runs, found, strict=True)
    ]
    return Verdict(
        r=correlation(amplitudes, scores),
        first=correlation(amplitudes[:, 0], scores[:, 0]),
        later=correlation(amplitudes[:, 1:], scores[:, 1:]),
        volumes=correlation(np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])) if pairs else float("nan"),
        sign=float((np.sign(scores) == np.sign(amplitudes))[clear].mean()),
        covered_volumes=float(np.mean(volumes)),
        covered_blocks=float(np.mean(blocks)),
        covered_volumes_error=_error(volumes),
        covered_blocks_error=_error(blocks),
        rms_percent=float(np.sqrt(((scores - truth) ** 2).mean())),
    )


def true_scores(run: Measured) -> np.ndarray:
    """(B,): what each block's score would be without noise."""
    truth = run.truth.regulation
    return np.array([truth[list(score.volumes)].mean() - truth[list(score.baseline)].mean() for score in run.setup.plan.scores])


def volume_pairs(run: Measured, found: Found) -> list[tuple[float, float, float]]:
    """(true, found, standard error) of every volume that has a value; true is the mean of the same volumes against the same baseline."""
    truth, pairs = run.truth.regulation, []
    for index in np.flatnonzero(np.isfinite(found.values)).tolist():
        level = truth[list(baseline_of(run.setup.plan, index))].mean()
        pairs.append((float(truth[list(recent(index))].mean() - level), float(found.values[index]), float(found.values_se[index])))
    return pairs


def correlation(truth: np.ndarray, found: np.ndarray) -> float:
    return float(np.corrcoef(np.ravel(truth), np.ravel(found))[0, 1])


def counts(runs: Sequence[Measured]) -> str:
    """How many volumes came to what."""
    told = [message.validity for run in runs for message in run.messages]
    return ", ".join(f"{told.count(what)} {what}" for what in ("ok", "settling", "held", "missing"))


def _within(triples: list[tuple[float, float, float]]) -> float:
    known = [abs(found - true) < error for true, found, error in triples if np.isfinite(error)]
    return float(np.mean(known)) if known else float("nan")


def _error(shares: list[float]) -> float:
    return float(np.std(shares, ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else float("nan")


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "  -  "


def _share(value: float) -> str:
    return f"{100 * value:4.1f} %" if np.isfinite(value) else "  -   "
