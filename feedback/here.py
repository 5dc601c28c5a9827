"""What this computer makes of a run: what the command line says instead of the study, and what it lacks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feedback.fonts import font_problems
from feedback.images import with_images
from feedback.scene import problems, texts_of
from feedback.views import View
from feedback.views.known import OWN
from rtfmri.messages import ButtonSettings, Flip, RunStart, TriggerSettings


@dataclass(frozen=True)
class Here:
    """None: as the study says."""

    flip: Flip | None = None
    trigger: TriggerSettings | None = None
    buttons: ButtonSettings | None = None
    images: Path | None = None
    views: Mapping[str, View] = field(default_factory=lambda: OWN)

    def fitted(self, run: RunStart, aspect: float) -> tuple[RunStart, tuple[str, ...]]:
        """``run`` as it is shown in a window of ``aspect``, and sentences for the operator about what cannot be shown as it should."""
        run, missing = with_images(run, self.images)
        words = {line for lines in texts_of(run) for line in lines}
        own = (("flip", self.flip), ("trigger", self._trigger(run)), ("buttons", self._buttons(run)))
        said: dict[str, Any] = {name: value for name, value in own if value is not None}
        fitted = run.model_copy(update={"display": run.display.model_copy(update=said)})
        return fitted, (*missing, *problems(fitted, aspect, self.views), *font_problems(sorted(words)))

    def _trigger(self, run: RunStart) -> TriggerSettings | None:
        """The device as the command line has it; which pulses count stays the study's affair."""
        if self.trigger is None:
            return None
        study = run.display.trigger
        code = study.code if study.kind == self.trigger.kind else None  # a byte is no parallel port's bits
        return self.trigger.model_copy(update={"offset": study.offset, "every": study.every, "code": code})

    def _buttons(self, run: RunStart) -> ButtonSettings | None:
        """The box as the command line has it; which button means what stays the study's affair."""
        if self.buttons is None:
            return None
        return run.display.buttons.model_copy(update=self.buttons.model_dump(include={"kind", "port", "baud"}))
