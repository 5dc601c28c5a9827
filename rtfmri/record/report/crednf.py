"""The CRED-nf checklist (Ros et al. 2020, Brain 143:1674-1685, doi 10.1093/brain/awaa009) as far as a recorded run can fill it.

The items are told in our own words; their numbers are the checklist's. What the software knows is filled in as sentences, what only the
lab can know is marked so, inside a filled item too. Nothing is said that would unblind a blind run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from rtfmri.messages import DisplayReport
from rtfmri.record.report import methods
from rtfmri.record.report.facts import UNITS, Facts
from rtfmri.record.report.markup import Section, number, paragraph, plain
from rtfmri.record.summary import motion_by_condition, of_kind, score_by_condition

CITATION = (
    "Ros T, Enriquez-Geppert S, Zotev V, et al. Consensus on the reporting and experimental design of clinical and cognitive-behavioural "
    "neurofeedback studies (CRED-nf checklist). Brain 2020; 143(6): 1674-1685. doi 10.1093/brain/awaa009."
)
DOMAINS: Mapping[str, str] = {
    "1": "Before the experiment",
    "2": "Control groups",
    "3": "Control measures",
    "4": "Feedback",
    "5": "Outcome: brain",
    "6": "Outcome: behaviour",
    "7": "Data",
}
ITEMS: Mapping[str, str] = {
    "1a": "Preregistration of protocol and planned analyses",
    "1b": "Justification of the sample size",
    "2a": "Control groups or conditions",
    "2b": "Double blind, where the design allows it",
    "2c": "Blinding of those who rate outcomes and of those who analyse",
    "2d": "How far participants and experimenters stayed blind",
    "2e": "Comparison with standard care, in studies of clinical efficacy",
    "3a": "Psychosocial factors",
    "3b": "Whether participants were given a strategy",
    "3c": "Which strategies they used",
    "3d": "Processing of the data during the run, and correction of artefacts",
    "3e": "Artefacts by condition and by group",
    "4a": "How the feature for feedback was extracted",
    "4b": "When and how feedback rewards, and why so",
    "4c": "Modality and content of the feedback",
    "4d": "Brain activity used for feedback, as it was shown",
    "4e": "Hardware and software",
    "5a": "Success of regulation, by the feedback signal",
    "5b": "Feedback variable over blocks and sessions; rest before and after",
    "5c": "Experimental against control condition or group, by statistics",
    "6a": "Clinical or behavioural significance, defined beforehand",
    "6b": "Regulation success against behaviour",
    "7a": "Materials, code and data made available",
}
FOR_THE_LAB: Mapping[str, str] = {
    "3e": "For the lab: the comparison between groups.",
    "4a": "For the lab: why these regions.",
    "4b": "For the lab: why this schedule.",
    "4c": "For the lab: instructions, and whether eyes were open.",
    "4e": "For the lab: scanner, coil, sequence, projector or goggles, response box; no identity is taken from image headers.",
    "5a": "For the lab: what counts as success, and its test over runs and participants.",
    "5b": "For the lab: the same over sessions, and rests or contrasts before and after training.",
}


@dataclass(frozen=True)
class Item:
    """``text`` is empty where the item is for the lab."""

    number: str
    title: str
    text: str

    @property
    def filled(self) -> bool:
        return bool(self.text)


def items(facts: Facts) -> tuple[Item, ...]:
    """All items in the checklist's order."""
    fillers: dict[str, Callable[[Facts], str]] = {
        "3d": _processing,
        "3e": _artefacts,
        "4a": lambda facts: methods.feature(facts, facts.study) if facts.study else "",
        "4b": lambda facts: methods.schedule(facts, facts.study) if facts.study else "",
        "4c": lambda facts: methods.modality(facts, facts.study) if facts.study else "",
        "4d": _shown,
        "4e": _hardware,
        "5a": _regulation,
        "5b": _plots,
    }
    return tuple(Item(key, title, fillers[key](facts) if key in fillers else "") for key, title in ITEMS.items())


def checklist(facts: Facts) -> Section:
    """Filled items as text, then what is left for the lab."""
    found = items(facts)
    filled = sum(item.filled for item in found)
    html = paragraph(
        f"{filled} of {len(found)} items are filled from this run's record; {len(found) - filled} are for the lab. Read what is "
        "filled before you use it."
    )
    domain = ""
    for item in found:
        if item.number[0] != domain:
            domain = item.number[0]
            html += f"<h3>{escape(domain)}. {escape(DOMAINS[domain])}</h3>"
        html += _item(item, _known(facts, item.number))
    return Section("crednf", "CRED-nf checklist", html + paragraph(CITATION, "faint"))


def _item(item: Item, known: str) -> str:
    kind, mark = ("item filled", "✔ filled") if item.filled else ("item", "○ for the lab")
    rest = FOR_THE_LAB.get(item.number, "") if item.filled else known
    return (
        f'<div class="{kind}"><h4>{item.number} {escape(item.title)} <span class="mark">{mark}</span></h4>'
        f"{paragraph(item.text) if item.text else ''}{paragraph(rest, 'faint') if rest else ''}</div>"
    )


def _known(facts: Facts, item: str) -> str:
    """What the record can say to an item that it does not fill."""
    if item == "2a":
        return _control(facts)
    sealed = item in ("5a", "5b") and facts.hidden
    return "Sealed until the run is unblinded; `rtfmri report --unblinded` then fills it." if sealed else ""


def _control(facts: Facts) -> str:
    """What the study's settings say of its control condition; never what this participant was shown."""
    control = facts.study.control if facts.study else None
    if control is None or control.allocation is None:
        return "This run's study has no control condition in its settings: participants are shown their own values."
    blind = "is blind: operator, messages and record do not tell the condition until unblinding" if control.blind else "is not blind"
    regions = f" Control combinations of regions: {', '.join(map(plain, control.regions))}." if control.regions else ""
    consent = f" Consent and debriefing: {control.consent}." if control.consent else ""
    return f"Known to the software: the study has a sealed allocation of conditions and {blind}.{regions}{consent}"


def _processing(facts: Facts) -> str:
    return f"{methods.processing(facts, facts.study)} {methods.artefacts(facts)}" if facts.study else ""


def _artefacts(facts: Facts) -> str:
    found = [c for c in motion_by_condition(facts.envelopes) if c.mean_fd_mm is not None]
    if not found:
        return ""
    said = "; ".join(
        f"{plain(c.name)} {number(c.mean_fd_mm)} mm (largest {number(c.max_fd_mm)} mm), {c.flagged} of {c.volumes} volumes flagged"
        for c in found
    )
    breathing = "Breathing and pulse were recorded." if facts.physio is not None else "Breathing and pulse were not recorded."
    return f"In this run mean framewise displacement was: {said}. {breathing}"


def _shown(facts: Facts) -> str:
    if facts.start is None or not facts.volumes:
        return ""
    if facts.hidden:
        return (
            f"{facts.summary.to_show} values were sent to be shown and are recorded; {facts.summary.shown} are known to have been on "
            "the screen. Regions "
            "and own values are recorded under seal and can be reported after unblinding."
        )
    on_glass = f", of which {facts.summary.shown} are known to have been on the screen" if facts.summary.shown else ""
    return (
        "For every volume the raw and cleaned signal of each region, its percent signal change with a standard error, the measure "
        "and the value "
        f"sent to the display were recorded (desc-nf_timeseries.tsv), {facts.summary.to_show} values for the participant{on_glass}. "
        "The figure 'Course of the run' shows them as they were computed and displayed."
    )


def _hardware(facts: Facts) -> str:
    said = list(methods.hardware(facts))
    reports = of_kind(facts.envelopes, DisplayReport)
    for report in {report.display: report for report in reports}.values():
        screen = f" at {report.size_px[0]} × {report.size_px[1]} pixels" if report.size_px else ""
        rate = f" and {report.refresh_hz:.0f} Hz" if report.size_px and report.refresh_hz else ""
        said.append(f"Feedback was displayed by {report.software}{screen}{rate}.")
    return " ".join(said)


def _regulation(facts: Facts) -> str:
    if facts.hidden or not facts.summary.blocks:
        return ""
    unit = UNITS.get(facts.unit, facts.unit)
    return f"In this run the mean of the block scores was {_means(facts)} ({unit}; mean ± standard error from the spread between blocks)."


def _means(facts: Facts) -> str:
    return "; ".join(
        f"{number(c.mean, 2, True)}{f' ± {number(c.se)}' if c.se is not None else ''} in {c.blocks} {plain(c.name)} "
        f"{'block' if c.blocks == 1 else 'blocks'}"
        for c in score_by_condition(facts.summary.blocks)
    )


def _plots(facts: Facts) -> str:
    if facts.hidden or not facts.summary.blocks:
        return ""
    return (
        "Within the run: the figure 'Course of the run' shows the feedback variable over all blocks with the score of each, and "
        "'Regulation per "
        "block' gives the numbers with standard errors."
    )
