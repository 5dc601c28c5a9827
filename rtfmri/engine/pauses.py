"""Who keeps the participant's screen paused: displays by name, and the operator."""

from __future__ import annotations

from rtfmri.messages import Operator, Pause


def paused_after(paused_by: frozenset[str], message: Pause | Operator) -> frozenset[str]:
    """Who keeps the participant's screen paused after ``message``."""
    if isinstance(message, Pause):
        who = f"display {message.display}"
        return paused_by | {who} if message.paused else paused_by - {who}
    if message.action == "pause":
        return paused_by | {"operator"}
    return paused_by - {"operator"} if message.action == "resume" else paused_by
