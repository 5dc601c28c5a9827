"""What was done, as sentences for a methods section, from the resolved settings: nothing is said that the settings do not say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rtfmri.record.report.facts import Facts
from rtfmri.record.report.markup import plain
from rtfmri.signals.design import drift_order
from rtfmri.signals.windows import SCORE_LAG_S
from rtfmri.study import Study
from rtfmri.study.signal import OWN_WINDOW, Correlation, DecoderRule, Difference, Signal, SingleRoi, UserFunction, ZScore, full_range

NUISANCE: Mapping[str, str] = {
    "motion6": "the six realignment parameters",
    "motion_derivatives": "their differences from volume to volume",
    "motion_squares": "their squares",
    "white_matter": "white matter",
    "csf": "cerebrospinal fluid",
    "physiology": "regressors of pulse and breathing",
}


def processing(facts: Facts, study: Study) -> str:
    """CRED-nf 3d: what was done to the data while the run went on, artefacts included."""
    return " ".join((_realignment(study), _model(facts, study.signal), _filter(study.signal), _gates(study)))


def _realignment(study: Study) -> str:
    rule = study.registration
    own = (
        "the run's first good volume after the dummies"
        if rule.averaged == 1
        else f"the realigned mean of the run's first {rule.averaged} good volumes"
    )
    earlier = (
        ", and the image of an earlier run or session on which the regions lie was registered to it once by a rigid transform"
        if rule.file
        else ""
    )
    timing = " at the time of the volume's first slice" if rule.slice_timing else ""
    dummies = study.acquisition.dummies
    steady = f"The first {dummies} volumes were left out. " if dummies else ""
    return (
        f"{steady}Each volume was realigned in real time to {own} with a rigid transform of six parameters{earlier}. "
        "The regions' voxels were sampled in the volume as acquired, at their moved positions, with a B-spline of order "
        f"{rule.order}{timing}; on the way to the feedback nothing was smoothed in space."
    )


def _model(facts: Facts, signal: Signal) -> str:
    terms = ["a constant"]
    if "drift" in signal.nuisance:
        planned = facts.confirmed.planned_volumes if facts.confirmed else facts.start.planned_volumes if facts.start else None
        order = drift_order(planned * facts.tr_s) if planned and facts.tr_s else None
        terms.append(
            f"Legendre polynomials for drift (up to order {order}, more as the run grew longer)"
            if order
            else "Legendre polynomials for drift"
        )
    tissue = f"{signal.tissue_components} components each of" if signal.tissue_components else "the mean signal of"
    for name in signal.nuisance:
        if name != "drift":
            terms.append(f"{tissue} {NUISANCE[name]}" if name in ("white_matter", "csf") else NUISANCE[name])
    if signal.regressors is not None:
        terms.append("regressors of the lab's own")
    white = " of prewhitened data (AR(1))" if signal.prewhiten else ""
    prior = (
        " Motion and drift coefficients were shrunk towards zero by a ridge penalty that fades as volumes come."
        if signal.prior.enabled
        else ""
    )
    return (
        f"The mean signal of each region was fitted anew at every volume by a cumulative general linear model{white} of all volumes "
        "so far, with "
        f"{_and(terms)}, and one task regressor per regulation block (double gamma). The fitted part of all but constant and task "
        "was removed. "
        f"The global signal was not used.{prior}"
    )


def _filter(signal: Signal) -> str:
    if signal.measure.kind in OWN_WINDOW:
        return "The measure has a window of its own and was not smoothed further."
    if signal.filter == "ema":
        return f"Values were smoothed by an exponential moving average (weight of the newest volume {signal.ema_alpha:g})."
    if signal.filter == "kalman":
        return "Values were filtered by a Kalman spike filter."
    n = signal.smooth_volumes
    return f"Values were averaged over the last {n} usable volumes." if n > 1 else "Values were not smoothed over time."


def _gates(study: Study) -> str:
    return (
        f"A volume was flagged where framewise displacement (Power et al. 2012) was above {study.quality.fd_hold_mm:g} mm, where its "
        "position was "
        f"known to no better than {study.registration.uncertain_mm:g} mm (standard error 50 mm from the centre), where a slice of a "
        "region was "
        "spoiled, or where DVARS or the residual of realignment jumped against the last 30 volumes. Flagged volumes were left out "
        "of model and "
        "baseline, and the display kept the value before."
    )


def artefacts(facts: Facts) -> str:
    """What became of this run's volumes."""
    summary, n = facts.summary, len(facts.volumes)
    if not n:
        return "No volume came."
    held = summary.validity.get("held", 0)
    return (
        f"Of {n} volumes of this run {summary.flagged} ({summary.flagged / n:.1%}) were flagged, {held} held and {summary.missing} missing."
    )


def feature(facts: Facts, study: Study) -> str:
    """CRED-nf 4a: from the regions to the value."""
    window = study.signal.baseline
    baseline = (
        "Percent signal change was computed against the rest block before, of which the volumes between max(onset + "
        f"{window.onset_s:g} s, end − "
        f"{window.last_s:g} s) and end + {window.lag_s:g} s were the baseline, cleaned with the same coefficients and divided by the "
        "region's running mean."
    )
    return " ".join((_regions(facts, study), baseline, _measure(study.signal, study)))


def _regions(facts: Facts, study: Study) -> str:
    voxels = {roi.name: roi.n_voxels for roi in facts.rois}
    told = {roi.name: roi.source for roi in facts.rois}
    said = []
    for roi in study.roi:
        n = voxels.get(roi.name)
        source = told.get(roi.name) or roi.source_words
        provisional = ", provisional" if roi.name in facts.provisional else ""
        said.append(f"{plain(roi.name)} ({source or 'a mask'}{f', {n} voxels' if n is not None else ''}{provisional})")
    accepted = study.study.accept_provisional_by
    by = f" Provisional regions were accepted by {accepted}." if accepted and facts.provisional else ""
    return f"The participant's own measure came from {_and(said)}; the voxels were fixed for the run.{by}"


def _measure(signal: Signal, study: Study) -> str:
    rule = signal.measure
    if isinstance(rule, Difference):
        terms = " ".join(f"{'−' if roi.weight < 0 else '+'} {abs(roi.weight):g} × {plain(roi.name)}" for roi in study.roi if roi.weight)
        return f"The measure was the weighted sum {terms.removeprefix('+ ')} of percent signal change."
    if isinstance(rule, SingleRoi):
        return f"The measure was the percent signal change of {plain(rule.roi)}."
    if isinstance(rule, ZScore):
        of = plain(rule.roi) if rule.roi else "the weighted sum of the regions"
        floor = f"(at least {rule.sd_floor_percent:g} %)"
        return f"The measure was the signal change of {of} in standard deviations of single volumes at rest {floor}."
    if isinstance(rule, Correlation):
        return f"The measure was Pearson's correlation of {_and([plain(name) for name in rule.rois])} over the last {rule.window_s:g} s."
    if isinstance(rule, DecoderRule):
        return "The measure was the decision value of a linear decoder with a fixed map of weights."
    return _function(rule)


def _function(rule: UserFunction) -> str:
    return f"The measure was computed by the lab's own function {rule.function}."


def schedule(facts: Facts, study: Study) -> str:
    """CRED-nf 4b: when feedback is given and how it follows the measure."""
    kind = facts.start.run_kind if facts.start else "feedback"
    if kind != "feedback":
        return f"This is a {kind.replace('_', ' ')} run: nothing was fed back."
    unit = {"percent": " %", "z": " (z)", "r": " (Fisher's z)"}.get(facts.unit, "")
    full = facts.start.range_percent if facts.start and facts.unit == "percent" else full_range(study.signal)
    graded = (
        f"Feedback was graded and in proportion to the measure, without a threshold of success; ±{full:g}{unit} filled the range and "
        "larger values "
        "were cut off. The range did not change within the run"
    )
    origin = {
        "fixed": "fixed by the study",
        "localizer": "taken from the participant's localizer run",
        "adaptive": "taken from the feedback run before",
    }
    graded += f"; it was {origin[study.signal.range_from]}."
    if study.display.feedback == "continuous":
        when = "It was continuous: renewed with each volume of the regulation blocks."
    else:
        when = (
            f"It was intermittent: one value after each block, its mean over onset + {SCORE_LAG_S:g} s to end + {SCORE_LAG_S:g} s"
            f"{', of the fitted response' if study.signal.score == 'fitted' else ''}."
        )
    limit = getattr(study.signal.measure, "settled_se", study.signal.settled_se_percent)
    settled = f"Values were not shown until their standard error was below {limit:g} (in percent or the measure's own unit)."
    return f"{when} {graded} {settled} {_paradigm(study)}"


def _paradigm(study: Study) -> str:
    cycle = ", ".join(f"{plain(block.block)} {block.s:g} s" for block in study.paradigm.cycle)
    final = f", and a last rest of {study.paradigm.final_rest_s:g} s" if study.paradigm.final_rest_s else ""
    return f"The run had {study.paradigm.repeat} cycles ({cycle}){final}."


def modality(facts: Facts, study: Study) -> str:
    """CRED-nf 4c: what the participant saw and heard."""
    if facts.start is not None and facts.start.run_kind != "feedback":
        return "In this run no value was shown."
    shape = {"circle": "a circle that opens and closes", "thermometer": "a thermometer", "line": "a line"}.get(
        study.display.view, f"the view {study.display.view}"
    )
    sound = " Soft sounds marked the beginning of each block." if study.display.cues else ""
    ratings = ", ".join(plain(rule.name) for rule in study.rating)
    asked = f" Ratings were asked for: {ratings}." if ratings else ""
    texts = f" Texts were shown in the language {study.display.language!r}."
    return f"Feedback was visual: {shape}, without numbers, controlled by the value between −1 and 1 of the range.{texts}{sound}{asked}"


def hardware(facts: Facts) -> Iterator[str]:
    """CRED-nf 4e: software, and what is known of hardware."""
    found, confirmed = facts.versions, facts.confirmed
    packages = found.get("packages", {})
    told = ", ".join(f"{name} {packages[name]}" for name in ("numpy", "scipy", "numba", "nibabel", "pydicom") if packages.get(name))
    if found:
        python = f"Python {found.get('python')}{'; ' if told else ''}{told}"
        yield f"Data were processed in real time by rtfmri {found.get('rtfmri')} ({python}) on {found.get('cpu')}, {found.get('platform')}."
    if confirmed:
        size = " × ".join(f"{mm:.2f}" for mm in confirmed.voxel_size_mm)
        yield f"Volumes had {' × '.join(map(str, confirmed.shape))} voxels of {size} mm and a TR of {confirmed.tr_s:g} s."


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
