"""What the engine tells the operator when something is wrong: one sentence, and what to do."""

from __future__ import annotations

from rtfmri.errors import StudyError
from rtfmri.messages import DisplayReport, Fault, RatingScale


def journal_fault(error: OSError | None) -> Fault:
    """The record's journal cannot be written any more, or (None) can be again."""
    if error is None:
        return Fault(code="journal_recovered", severity="info", text="The record can be written again; nothing of it was lost.")
    text = f"The record cannot be written ({_reason(error)}); feedback goes on from memory."
    advice = "Free space on the disk of the record; it is tried again with every volume."
    return Fault(code="journal_unwritable", severity="error", text=text, advice=advice)


def store_fault(error: OSError | None) -> Fault:
    """Raw volumes cannot be saved any more, or (None) can be again."""
    if error is None:
        return Fault(code="raw_recovered", severity="info", text="Raw volumes can be saved again; none was lost.")
    text = f"Raw volumes cannot be saved ({_reason(error)}); feedback goes on and they wait in memory."
    return Fault(code="raw_unwritable", severity="error", text=text, advice="Free space on the disk of the record.")


def reference_fault(error: StudyError) -> Fault:
    return Fault(code="reference_not_saved", severity="error", text="; ".join(error.problems))


def display_problem(display: str, problem: str) -> Fault:
    """``problem`` is the display's own sentence."""
    advice = "Look at the stimulus computer; the display goes on as it can."
    return Fault(code="display_problem", severity="warning", text=f"Display {display}: {problem}", advice=advice)


def display_lost(display: str) -> Fault:
    advice = "Look at the stimulus computer and the network between; the run goes on, and the display comes back by itself."
    return Fault(code="display_lost", severity="warning", text=f"The display {display} is not heard any more.", advice=advice)


def display_back(display: str) -> Fault:
    return Fault(code="display_back", severity="info", text=f"The display {display} is heard again.")


def display_version(report: DisplayReport, ours: str) -> Fault:
    theirs = f"{report.software or 'an unknown version'} (messages {report.schema_version or 'unknown'})"
    advice = "Install the same version on both computers before the next run."
    return Fault(code="display_version", severity="warning", text=f"Display {report.display} is {theirs}, this is {ours}.", advice=advice)


def high_rating(scale: RatingScale, value: float) -> Fault:
    of = f"{value:g} of {scale.high:g}" if scale.low == 0 else f"{value:g} on a scale from {scale.low:g} to {scale.high:g}"
    advice = "Ask over the intercom how the participant is; pause or stop the run if it is needed."
    text = f"The participant answers: {scale.name.replace('_', ' ')} {of}."
    return Fault(code="high_rating", severity="warning", text=text, advice=advice)


def questions_open(names: list[str], within_s: float) -> Fault:
    text = f"All volumes are there; the participant answers {', '.join(names)} (for {within_s:.0f} s at most), then the run ends."
    return Fault(code="questions_open", severity="info", text=text)


def questions_unanswered(names: list[str]) -> Fault:
    text = f"No answer came to {', '.join(names)} after the last block."
    return Fault(code="questions_unanswered", severity="warning", text=text, advice="Ask over the intercom and write the answers down.")


def earlier_found(words: str) -> Fault:
    """The image that the regions lie on was found in this run."""
    return Fault(code="earlier_found", severity="info", text=f"The image that the regions lie on was found in this run: {words}.")


def silence_fault(silent_s: float) -> Fault:
    advice = "Is the scanner still running? Is the export on? The participant's screen is paused kindly."
    return Fault(code="silence", severity="error", text=f"No volume for {silent_s:.0f} s.", advice=advice)


def unusable_fault(index: int, reason: str) -> Fault:
    return Fault(code="volume_unusable", severity="warning", text=f"Volume {index + 1} cannot be used: {reason}.", index=index)


def physio_store_fault(error: OSError | None) -> Fault:
    """Samples of belt and pulse cannot be saved any more, or (None) can be again."""
    if error is None:
        return Fault(code="physio_recovered", severity="info", text="Samples of belt and pulse can be saved again; none was lost.")
    text = f"Samples of belt and pulse cannot be saved ({_reason(error)}); they wait in memory."
    return Fault(code="physio_unwritable", severity="error", text=text, advice="Free space on the disk of the record.")


def physio_refused(reason: str) -> Fault:
    advice = "Check the belt's program and [physiology] of the study; the run goes on without what is refused."
    return Fault(code="physio_refused", severity="warning", text=f"Samples of belt and pulse are not used: {reason}.", advice=advice)


def physio_silent(address: str) -> Fault:
    advice = "Start the belt's program; the run goes on without its regressors until samples come."
    return Fault(code="physio_silent", severity="warning", text=f"No samples of belt and pulse have come to {address}.", advice=advice)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
