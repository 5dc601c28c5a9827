"""Every measure against a computation of its own, and what becomes feedback of it."""

import numpy as np
import pytest
from signal_runs import LEVEL, a_plan, a_study, ar1, samples_of, stream, wandering_head

from rtfmri.errors import StudyError
from rtfmri.paradigm import planned_volumes
from rtfmri.signals.compare import cleaned, model
from rtfmri.signals.inputs import SignalInputs
from rtfmri.signals.measures.answer import Answer
from rtfmri.signals.measures.decoder import calibrated, decoder_from_map, project
from rtfmri.signals.plan import plan_signal
from rtfmri.signals.stream import Sample, start, update
from rtfmri.study.signal import measure_unit
from rtfmri.volume import Grid

FLAGGED = {80, 81, 120}


def a_run(measure, seed=0, sd=3.0, inputs=None, ask=None, dlpfc=1.0, decoder=None, **signal):
    study = a_study(repeat=2, measure=measure, **signal)
    blocks = study.blocks(1.0)
    plan = plan_signal(study, blocks, 1.0, planned_volumes(blocks, 1.0), inputs)
    rng = np.random.default_rng(seed)
    volumes = plan.planned_volumes
    shared = ar1(rng, volumes, 1, 0.3)
    raw = LEVEL + sd * (ar1(rng, volumes, 2, 0.3) + shared)
    raw[:, 0] += dlpfc * 5 * plan.design[plan.tasks].sum(axis=0)
    motion = wandering_head(rng, volumes)
    samples = samples_of(raw, motion, FLAGGED)
    if decoder is not None:
        samples = [Sample(s.index, s.raw, s.motion, s.flagged, decoder=decoder(raw[s.index])) for s in samples]
    state, readings = start(plan), []
    for sample in samples:
        state, reading = update(plan, state, sample, ask)
        readings.append(reading)
    return plan, state, readings, samples


def test_the_regulation_is_told_whatever_the_measure():
    _, _, plain, _ = a_run({"kind": "difference"})
    for measure in ({"kind": "roi", "roi": "tpj"}, {"kind": "z"}, {"kind": "correlation", "rois": ["tpj", "dlpfc"]}):
        _, _, readings, _ = a_run(measure)
        for one, other in zip(plain, readings, strict=True):
            assert (one.regulation, one.regulation_se, one.rois) == (other.regulation, other.regulation_se, other.rois)
    assert all(r.value == r.regulation and r.value_se == r.regulation_se for r in plain)


def test_a_single_region_is_its_own_percent_signal_change():
    _, _, readings, _ = a_run({"kind": "roi", "roi": "dlpfc"}, smooth_volumes=1)
    found = [(r.value, r.value_se, r.rois[0].psc, r.rois[0].se) for r in readings if r.value is not None]
    assert len(found) > 100
    for value, error, psc, se in found:
        assert value == pytest.approx(psc, abs=1e-12)
        assert error == pytest.approx(se, rel=1e-9) if se else error is None


def test_z_is_the_value_over_the_spread_within_the_rests():
    plan, state, readings, samples = a_run({"kind": "z"})
    current = model(plan, state.observations, len(samples))
    index = max(r.index for r in readings if r.value is not None)
    groups = []
    for window in plan.baselines:
        used = np.array([t for t in window if window.stop <= index and state.observations.used[t]])
        if len(used):
            series = (cleaned(current, used) * current.units[:, None]).T @ [0.5, -0.5]
            groups.append(series - series.mean())
    dof = sum(map(len, groups)) - len(groups)
    sd = np.sqrt(np.sum(np.concatenate(groups) ** 2) / dof)
    last = readings[-1]
    assert last.value == pytest.approx(last.regulation / sd, rel=1e-6)
    assert last.value_se == pytest.approx(np.hypot(last.regulation_se / sd, last.value / np.sqrt(2 * dof)), rel=1e-6)


def test_z_has_a_floor_and_waits_for_eight_rest_volumes():
    _, _, readings, _ = a_run({"kind": "z", "sd_floor_percent": 5.0})
    found = [r for r in readings if r.value is not None]
    assert all(r.value == pytest.approx(r.regulation / 5.0) for r in found)
    cycle = [{"block": "rest", "s": 30}, {"block": "try", "s": 40}]
    _, _, few, _ = a_run({"kind": "z"}, cycle=cycle, baseline={"onset_s": 18, "last_s": 5, "lag_s": 0})
    first = [r for r in few if r.regulation is not None and r.index < 70]
    assert first
    assert all(r.value is None and not r.settled for r in first)
    assert first[-1].why == "only 6 rest volumes so far; 8 give the first z"


def test_a_correlation_is_numpys_over_the_window_of_cleaned_volumes():
    plan, state, readings, samples = a_run({"kind": "correlation", "rois": ["dlpfc", "tpj"], "window_s": 20, "centre": 0.2})
    current = model(plan, state.observations, len(samples))
    last = len(samples) - 1
    used = [t for t in range(last - 19, last + 1) if state.observations.used[t]]
    expected = np.corrcoef(cleaned(current, np.array(used)))[0, 1]
    assert readings[-1].value == pytest.approx(expected, abs=1e-9)
    a, b = (current.noises[k].rho for k in range(2))
    independent = len(used) * (1 - a * b) / (1 + a * b)
    assert readings[-1].value_se == pytest.approx((1 - expected**2) / np.sqrt(independent - 3), rel=1e-9)
    shown = [r for r in readings if r.feedback is not None]
    assert shown
    for reading in shown:
        assert reading.feedback == pytest.approx(np.clip(np.arctanh(reading.value) - np.arctanh(0.2), -1, 1))


def test_the_error_of_a_correlation_covers_the_true_one():
    """The noise's true correlation is one half; 40 volumes, no nuisance."""
    covered = []
    for seed in range(30):
        rule = {"kind": "correlation", "rois": ["dlpfc", "tpj"], "window_s": 40}
        _, _, readings, _ = a_run(rule, seed, dlpfc=0.0, nuisance=[])
        covered += [abs(r.value - 0.5) < r.value_se for r in readings[70::41] if r.value is not None and r.value_se is not None]
    assert np.mean(covered) == pytest.approx(0.68, abs=0.12)


GRID = Grid((4, 4, 4), np.diag([3.0, 3.0, 3.0, 1.0]))
SIDECAR = {
    "format": "rtfmri-decoder",
    "version": 1,
    "intercept": 0.3,
    "mean": 0.1,
    "spread": 0.5,
    "preprocessing": {"units": "percent_of_reference", "baseline": "preceding_rest", "nuisance": ["drift", "motion6"], "smooth_fwhm_mm": 0},
}


def a_map():
    weights = np.zeros((4, 4, 4))
    weights[1, 2, 3], weights[2, 0, 0] = 0.4, -0.6
    weights[3, 3, 3] = np.nan
    return weights


def test_a_decoders_value_is_the_standardised_decision_of_cleaned_percent():
    decoder = decoder_from_map("d", a_map(), GRID, GRID, SIDECAR, ("drift", "motion6"))
    reference = np.array([LEVEL, LEVEL])
    weights = calibrated(decoder, reference)
    rule = {"kind": "decoder", "weights": __file__}
    plan, state, readings, samples = a_run(
        rule, inputs=SignalInputs(decoder=decoder), decoder=lambda raw: project(weights, raw), smooth_volumes=1
    )
    current = model(plan, state.observations, len(samples))
    used = state.observations.used
    percent = 100 * cleaned(current, np.arange(len(samples)))[:2] / LEVEL
    closed = [window for window in plan.baselines if window.stop < len(samples)][-1]
    window = [t for t in closed if used[t]]
    change = percent[:, -1] - percent[:, window].mean(axis=1)
    expected = (change @ [0.4, -0.6] + 0.3 - 0.1) / 0.5
    assert readings[-1].value == pytest.approx(expected, abs=1e-6)
    assert readings[-1].value_se > 0
    assert len(readings[-1].rois) == 2


def test_a_volume_whose_decision_is_no_number_stays_out():
    decoder = decoder_from_map("d", a_map(), GRID, GRID, SIDECAR, ("drift", "motion6"))
    rule = {"kind": "decoder", "weights": __file__}
    _, state, readings, _ = a_run(rule, inputs=SignalInputs(decoder=decoder), decoder=lambda raw: float("nan"))
    assert not state.observations.used.any()
    assert readings[50].why == "the decoder has no usable value in this volume"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "no rtfmri-decoder of version 1"),
        ({"spread": 0}, "spread must be above 0"),
        ({"intercept": "x"}, "intercept is no number"),
        ({"preprocessing": {"units": "z"}}, "other data than the stream has"),
        (
            {"preprocessing": SIDECAR["preprocessing"] | {"nuisance": ["drift"]}},
            "trained with nuisance drift, the study has drift, motion6",
        ),
    ],
)
def test_a_decoder_that_breaks_its_contract_is_refused(change, words):
    with pytest.raises(StudyError, match=words):
        decoder_from_map("d", a_map(), GRID, GRID, SIDECAR | change, ("drift", "motion6"))


def test_a_decoder_on_another_grid_or_without_weights_is_refused():
    other = Grid((4, 4, 4), np.diag([3.0, 3.0, 4.0, 1.0]))
    with pytest.raises(StudyError, match="not on this run's grid"):
        decoder_from_map("d", a_map(), other, GRID, SIDECAR, ("drift", "motion6"))
    with pytest.raises(StudyError, match="no weight but 0"):
        decoder_from_map("d", np.zeros((4, 4, 4)), GRID, GRID, SIDECAR, ("drift", "motion6"))
    with pytest.raises(StudyError, match="was not read"):
        a_run({"kind": "decoder", "weights": __file__})


def test_voxels_without_signal_have_no_part_and_too_many_are_refused():
    decoder = decoder_from_map("d", a_map(), GRID, GRID, SIDECAR, ("drift", "motion6"))
    with pytest.raises(StudyError, match="60 % of its weight"):
        calibrated(decoder, np.array([1000.0, 0.0]))
    slight = type(decoder)(decoder.voxels, np.array([1.0, 0.05]), 0.0, 0.0, 1.0)
    assert calibrated(slight, np.array([1000.0, 2.0])).tolist() == [0.1, 0.0]


FUNCTION = {"kind": "function", "function": "lab:measure", "range": 2.0, "centre": 0.5}


def test_a_users_function_sees_what_is_known_and_its_value_becomes_feedback():
    seen = []

    def ask(view):
        seen.append(view)
        return Answer(float(view.psc[0]), needs_se=False)

    plan, state, readings, samples = a_run(FUNCTION, ask=ask)
    assert [view.index for view in seen] == [r.index for r in readings if r.value is not None]
    last = seen[-1]
    used = state.observations.used
    np.testing.assert_array_equal(last.used, used)
    np.testing.assert_array_equal(last.raw[:, used].T, np.array([s.raw for s in samples])[used])
    assert np.isnan(last.cleaned[:, ~used]).all()
    assert (last.roi_names, last.tr_s, last.regulation) == (plan.roi_names, 1.0, readings[-1].regulation)
    with pytest.raises(ValueError, match="read-only"):
        last.cleaned[0, 0] = 1.0
    assert last.raw.base is None
    shown = [r for r in readings if r.feedback is not None]
    assert shown
    assert all(r.feedback == pytest.approx(np.clip((r.value - 0.5) / 2.0, -1, 1)) for r in shown)
    score = readings[plan.scores[0].shown.start]
    values = [readings[t].value for t in plan.scores[0].volumes if readings[t].value is not None]
    assert score.score == pytest.approx(np.mean(values))
    assert score.score_se is None


def test_a_function_that_fails_holds_that_volume_and_no_other():
    def ask(view):
        if view.index == 60:
            return Answer(None, why="it took too long", held=True, late=True, needs_se=False)
        return Answer(1.0, needs_se=False)

    _, _, readings, _ = a_run(FUNCTION, ask=ask)
    assert (readings[60].held, readings[60].late, readings[60].feedback) == ("it took too long", True, None)
    assert not readings[60].settled
    assert readings[60].regulation is not None
    assert readings[61].settled
    assert not readings[61].held


def test_without_somebody_to_call_it_a_function_has_no_value():
    _, _, readings, _ = a_run(FUNCTION)
    assert not any(r.settled for r in readings)
    assert any(r.held for r in readings)


@pytest.mark.parametrize(
    ("measure", "unit"),
    [
        ({"kind": "difference"}, "percent"),
        ({"kind": "roi", "roi": "tpj"}, "percent"),
        ({"kind": "z"}, "z"),
        ({"kind": "correlation", "rois": ["tpj", "dlpfc"]}, "r"),
        ({"kind": "decoder", "weights": __file__}, "decision"),
        (FUNCTION, "value"),
    ],
)
def test_every_measure_has_its_unit(measure, unit):
    assert measure_unit(a_study(measure=measure).signal) == unit


def test_the_studys_range_is_full_feedback():
    _, _, readings, _ = a_run({"kind": "difference"}, range_percent=4.0)
    shown = [r for r in readings if r.feedback is not None]
    assert all(r.feedback == pytest.approx(np.clip(r.regulation / 4.0, -1, 1)) for r in shown)
    scored = [r for r in readings if r.score is not None]
    assert all(r.score_feedback == pytest.approx(np.clip(r.score / 4.0, -1, 1)) for r in scored)


def test_plain_runs_still_stream():
    plan, _ = a_plan(a_study(repeat=1))
    assert stream(plan, samples_of(np.full((plan.planned_volumes, 2), LEVEL), np.zeros((plan.planned_volumes, 6))))[1]
