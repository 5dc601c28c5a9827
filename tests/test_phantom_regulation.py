"""Five blocks of a restless phantom through the whole pipeline: block scores are the truth's, and would not be without realignment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.engine.materials import read_materials
from rtfmri.messages import VolumeMessage
from rtfmri.pipeline import Setup, begin, step, warm_up
from rtfmri.signals.plan import plan_signal
from rtfmri.signals.reading import Sample
from rtfmri.signals.rois import roi_mean
from rtfmri.signals.stream import start, update
from rtfmri.simulate.render import render
from rtfmri.simulate.scenario import Scenario, load_scenario
from rtfmri.study import Study, load_study
from rtfmri.volume import Array, Missing, Volume

MISSING = frozenset({33, 76})
SPIKE, COUGH = 50, 61
STUDY = """
[study]
name = "phantom_regulation"
[acquisition]
series = { protocol = "bold_nf*" }
tr_s = 2.0
dummies = 4
[[roi]]
name = "dlpfc"
REGION_dlpfc
weight = 0.5
[[roi]]
name = "tpj"
REGION_tpj
weight = -0.5
[paradigm]                                     # 4 + 5 x (12 + 10) + 12 = 126 volumes
cycle = [{ block = "rest", s = 24 }, { block = "self_compassion", s = 20 }]
repeat = 5
final_rest_s = 24
[signal]
baseline = { onset_s = 12, last_s = 12, lag_s = 2 }
"""
SCENARIO = f"""
study = "planned.toml"
seed = 11
protocol = "bold_nf_phantom"
tr_s = 2.0
shape = [44, 44, 24]
voxel_size_mm = [5.0, 5.0, 5.0]
multiband = 3
drift_percent = 1.0
roi_radius_mm = 14
amplitudes_percent = {{ dlpfc = [0.7, -0.2, 0.4, 0.6, -0.3], tpj = [-0.1, 0.6, -0.4, 0.0, 0.5] }}
spikes = [{{ volume = {SPIKE}, kind = "gain", percent = 4 }}]
motion = {{ drift_mm = 1.5, drift_deg = 1.2, breathing_mm = 0.05, jumps = [{{ volume = {COUGH}, trans_mm = [0, 0.3, 1.2] }}] }}
noise = {{ thermal_tsnr = 150, physiological_percent = 0.15, respiratory_percent = 0.1, cardiac_percent = 0.2 }}
"""


@dataclass(frozen=True, eq=False)
class Run:
    """``scores`` and ``without`` (realignment): block scores (B,) in percent; ``truth``: what they would be without noise."""

    setup: Setup
    messages: list[VolumeMessage]
    scores: Array
    errors: Array
    truth: Array
    without: Array


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("phantom_regulation")
    rendering = render(planned(folder), folder / "scanner")
    warm_up()
    masks = {name: f'mask = "scanner/truth/roi_{name}.nii.gz"' for name in ("dlpfc", "tpj")}
    (folder / "study.toml").write_text(with_regions(masks), encoding="utf-8")
    study = load_study(folder / "study.toml")
    read = read_dicoms(folder / "scanner" / "dicoms", study.acquisition.series, study.acquisition, obey_missing=MISSING)
    items = [item for item in read if isinstance(item, Volume | Missing)]
    first = next(item for item in items if isinstance(item, Volume))
    setup, state = begin(study, "feedback", read_materials(study), first)
    messages = []
    for item in items:
        state, message = step(setup, state, item, False, lambda: 0.0)
        messages.append(message)
    found = {m.score_block: (m.score, m.score_se) for m in messages if m.score_block is not None}
    scores, errors = np.array([found[number] for number in setup.plan.task_blocks]).T
    true = rendering.truth.regulation
    truth = np.array([true[list(s.volumes)].mean() - true[list(s.baseline)].mean() for s in setup.plan.scores])
    return Run(setup, messages, scores, errors, truth, scores_without_realignment(study, setup, items, messages))


def with_regions(regions: dict[str, str]) -> str:
    text = STUDY
    for name, source in regions.items():
        text = text.replace(f"REGION_{name}", source)
    return text


def planned(folder: Path) -> Scenario:
    """The scenario, whose study has spheres as long as there are no masks."""
    (folder / "planned.toml").write_text(with_regions(dict.fromkeys(("dlpfc", "tpj"), "sphere_mni_mm = [42, 36, 28]")), encoding="utf-8")
    (folder / "scenario.toml").write_text(SCENARIO, encoding="utf-8")
    return load_scenario(folder / "scenario.toml")


def scores_without_realignment(study: Study, setup: Setup, items: list[Volume | Missing], messages: list[VolumeMessage]) -> Array:
    """The same signal stage and flags; the regions' voxels stay where they lay in the reference."""
    still = study.model_copy(update={"signal": study.signal.model_copy(update={"nuisance": ("drift",)})})
    plan = plan_signal(still, setup.blocks, setup.tr_s, setup.planned)
    state, found = start(plan), {}
    for item, message in zip(items, messages, strict=True):
        raw = None
        if isinstance(item, Volume):
            raw = tuple(roi_mean(item.data[tuple(roi.voxels.T)].astype(float), roi.weights) for roi in setup.rois)
        state, reading = update(plan, state, Sample(item.index, raw, flagged=message.flagged))
        found[reading.score_block] = reading.score
    return np.array([found[number] for number in plan.task_blocks])


def test_block_scores_follow_the_truth_and_have_its_sign(run: Run) -> None:
    assert (np.abs(run.truth) > 0.25).all()
    assert (np.sign(run.scores) == np.sign(run.truth)).all()
    assert np.corrcoef(run.truth, run.scores)[0, 1] > 0.95
    assert np.abs(run.scores - run.truth).max() < 0.25


def test_scores_lie_within_their_standard_errors_which_shrink(run: Run) -> None:
    assert (np.abs(run.scores - run.truth) < 3.0 * run.errors).all()
    assert run.errors[-1] < 0.15


def test_without_realignment_the_scores_are_clearly_worse(run: Run) -> None:
    ours, without = (float(np.sqrt(((scores - run.truth) ** 2).mean())) for scores in (run.scores, run.without))
    assert without > 2.0 * ours


def test_a_spike_and_a_cough_are_held_where_they_happened(run: Run) -> None:
    held = {message.index: message.why for message in run.messages if message.validity == "held"}
    assert "spike" in held[SPIKE]
    assert "moved" in held[COUGH]
    assert set(held) <= {SPIKE, COUGH, COUGH + 1, COUGH + 2}


def test_missing_volumes_are_told_in_their_place(run: Run) -> None:
    assert [message.index for message in run.messages] == list(range(run.setup.planned))
    assert {message.index for message in run.messages if message.validity == "missing"} == MISSING
    assert all(message.regulation is None for message in run.messages if message.index in MISSING)
