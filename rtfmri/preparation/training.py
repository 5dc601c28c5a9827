"""A linear decoder from labelled examples, and an honest figure of how well it does.

The decoder: a linear support vector machine (C = 1, classes weighted alike) on the voxels that differ most (F of the two classes), each
in units of its own spread; these units are folded into the weights. With more voxels than volumes the classes can be parted without an
error and C does not matter, so there is nothing to tune; and unlike shrinkage LDA it needs no covariance from volumes that hang together in
time. The solver is deterministic: the same volumes give the same weights. Zero is the boundary of the classes.
Source: LaConte et al. 2007, Hum Brain Mapp 28:1033.

The figure: leave one pair of blocks out, choose voxels and fit on the others, classify the volumes left out; balanced accuracy over all
of them. Its p is from a permutation test that goes through all of this again with the labels of the two blocks exchanged within pairs:
volumes of a block are not independent, blocks are. Up to ``EXACT_PAIRS`` pairs all exchanges are tried (exchanging all pairs at once
changes nothing, so there are 2^(pairs - 1)); beyond, ``RANDOM`` random ones, and p is (1 + as good) / (1 + tried). Few pairs cannot give a
small p, and that is said.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.preparation.training_examples import Examples
from rtfmri.signals.glm import Flags
from rtfmri.signals.measures.decoder import BASELINE, FORMAT, UNITS, VERSION
from rtfmri.volume import Array

EXACT_PAIRS = 7
RANDOM = 99
SEED = 20240501  # of the random exchanges, so that p is the same every time
SIGNIFICANT = 0.05
ROUNDING = 1e-9

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """``weights`` (V,) per percent, zero where a voxel has no part; ``spread``: SD of the decisions on volumes left out of the fit;
    ``accuracy``: balanced, of these; ``smallest_p`` is what so many pairs could give at best."""

    weights: Array
    intercept: float
    spread: float
    accuracy: float
    p: float
    smallest_p: float
    pairs: int
    volumes: int

    @property
    def verdict(self) -> str:
        """Whether the decoder tells the classes apart, in a sentence."""
        found = f"Accuracy {100 * self.accuracy:.0f} % in {self.pairs} pairs of blocks left out in turn (chance 50 %), p = {self.p:.2g}"
        if self.p <= SIGNIFICANT:
            return f"{found} (permutation of blocks)."
        if self.smallest_p > SIGNIFICANT:
            return f"{found}; {self.pairs} pairs cannot give less than {self.smallest_p:.2g}: record more to know whether this is chance."
        return f"{found}: no better than chance. Do not use it for feedback."


def train(examples: Examples, voxels: int, progress: Progress | None = None) -> Trained:
    """Train on all examples, and judge by leaving pairs out. ``progress`` is told (exchanges done, of how many).

    Raises
    ------
    StudyError : there are fewer than two pairs, or scikit-learn is not installed.
    """
    if examples.count < 2:
        raise StudyError("One pair of blocks cannot judge itself; give runs with at least two regulation blocks, each followed by a rest.")
    make = _classifier(min(voxels, examples.changes.shape[1]))
    decisions = _left_out(make, examples, examples.labels)
    accuracy = balanced_accuracy(decisions, examples.labels)
    p, tried = _permuted(make, examples, accuracy, progress)
    whole = make().fit(examples.changes, examples.labels)
    chosen, scale, machine = whole[0].get_support(), whole[1], whole[2]
    weights = np.zeros(examples.changes.shape[1])
    weights[chosen] = machine.coef_[0] / scale.scale_
    return Trained(
        weights=weights,
        intercept=float(machine.intercept_[0] - (weights[chosen] * scale.mean_).sum()),
        spread=float(decisions.std()),
        accuracy=accuracy,
        p=p,
        smallest_p=1.0 / tried,
        pairs=examples.count,
        volumes=len(examples.labels),
    )


def sidecar_of(trained: Trained, classes: tuple[str, str], runs: tuple[str, ...], nuisance: tuple[str, ...]) -> dict[str, Any]:
    """The JSON beside the weight map; ``classes``: minus, plus."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "intercept": trained.intercept,
        "mean": 0.0,
        "spread": trained.spread,
        "classes": list(classes),
        "trained_on": list(runs),
        "preprocessing": {"units": UNITS, "baseline": BASELINE, "nuisance": list(nuisance), "smooth_fwhm_mm": 0},
        "classifier": "linear support vector machine, C = 1, on the voxels with the largest F",
        "voxels": int((trained.weights != 0.0).sum()),
        "volumes": trained.volumes,
        "cross_validation": {
            "left_out": "pairs of blocks",
            "pairs": trained.pairs,
            "balanced_accuracy": trained.accuracy,
            "p_permutation": trained.p,
            "smallest_possible_p": trained.smallest_p,
            "verdict": trained.verdict,
        },
        "warning": "Do not test the decoder on the runs that it was trained on.",
    }


def balanced_accuracy(decisions: Array, labels: Flags) -> float:
    """Mean of the shares of both classes that are on their side of zero; on the boundary counts half."""
    right = np.where(decisions == 0.0, 0.5, (decisions > 0.0) == labels)
    return float((right[labels].mean() + right[~labels].mean()) / 2.0)


def _classifier(voxels: int) -> Callable[[], Any]:
    try:
        from sklearn.feature_selection import SelectKBest, f_classif
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC
    except ImportError:
        raise StudyError("Training a decoder needs scikit-learn; install it with: pip install 'rtfmri[train]'") from None

    def make() -> Any:
        return make_pipeline(SelectKBest(f_classif, k=voxels), StandardScaler(), SVC(kernel="linear", C=1.0, class_weight="balanced"))

    return make


def _left_out(make: Callable[[], Any], examples: Examples, labels: Flags) -> Array:
    """Decision of every volume (n,) by a decoder that has not seen its pair."""
    decisions = np.empty(len(labels))
    for pair in range(examples.count):
        here = examples.pairs == pair
        fitted = make().fit(examples.changes[~here], labels[~here])
        decisions[here] = fitted.decision_function(examples.changes[here])
    return decisions


def _permuted(make: Callable[[], Any], examples: Examples, accuracy: float, progress: Progress | None) -> tuple[float, int]:
    """p of an accuracy, and of how many labellings (the true one among them)."""
    exchanges = list(_exchanges(examples.count))
    as_good = 1
    for done, exchange in enumerate(exchanges, start=1):
        labels = examples.labels ^ exchange[examples.pairs]
        as_good += balanced_accuracy(_left_out(make, examples, labels), labels) >= accuracy - ROUNDING
        if progress is not None:
            progress(done, len(exchanges))
    return as_good / (1 + len(exchanges)), 1 + len(exchanges)


def _exchanges(pairs: int) -> Iterator[Flags]:
    """Which pairs (K,) have their labels exchanged; the first never has, as only the difference between pairs counts."""
    if pairs <= EXACT_PAIRS:
        yield from (np.array((False, *rest)) for rest in itertools.product((False, True), repeat=pairs - 1) if any(rest))
        return
    rng = np.random.default_rng(SEED)
    for _ in range(RANDOM):
        yield np.append(False, rng.random(pairs - 1) < 0.5)
