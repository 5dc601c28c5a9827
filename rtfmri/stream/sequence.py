"""Two unreliable channels in, every message once and in order out. No socket, no clock.

Live messages may be lost, or come late after the same message came in an answer. Answers hold what the engine holds. The rules:

* The next message of the run we follow is taken from whichever channel brings it first; everything before it is known already.
* A live message that is not the next one is not kept: the engine stores before it publishes, so the answer that we ask for now holds it.
* Only an answer says which run is the current one. A live message of another run makes us ask, so leftovers of an earlier run, or two
  runs mixed in the sockets' buffers, cannot switch us back and forth.
* The engine may open a run again, resumed from a shorter journal or replayed. What it held at that opening counts; we go back to there.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtfmri.messages import Envelope
from rtfmri.stream.asking import Answer, Ask


class Sequencer:
    """Where a listener stands: it has every message of ``run_uid`` before ``next_seq``.

    ``behind`` is true when there is a reason to ask at once: at the beginning, after a gap, when the last answer was not the end.
    """

    def __init__(self) -> None:
        self.run_uid = ""
        self.next_seq = 0
        self.behind = True
        self._opening = ""
        self._left = ""  # the run before: what is left of it in a socket is no news

    def ask(self) -> Ask:
        """The question to send now; only what is heard from here on can be a reason for another."""
        self.behind = False
        return Ask(run_uid=self.run_uid, seq=self.next_seq)

    def live(self, envelope: Envelope) -> tuple[Envelope, ...]:
        """What can be handed on now that ``envelope`` was heard: itself or nothing."""
        if (envelope.run_uid, envelope.seq) == (self.run_uid, self.next_seq):
            self.next_seq += 1
            return (envelope,)
        another_run = envelope.run_uid not in (self.run_uid, self._left)
        gap = envelope.run_uid == self.run_uid and envelope.seq > self.next_seq
        self.behind |= another_run or gap
        return ()

    def answered(self, answer: Answer, lines: Sequence[Envelope | None]) -> tuple[Envelope, ...]:
        """What can be handed on now.

        Parameters
        ----------
        lines : ``answer.first_seq`` and following; None where one cannot be read, which is passed over.
        """
        if not answer.run_uid:
            return ()
        before = (self.run_uid, self._opening, self.next_seq)
        self._follow(answer)
        ready = []
        for seq, envelope in enumerate(lines, answer.first_seq):
            if seq == self.next_seq:
                self.next_seq += 1
                if envelope is not None:
                    ready.append(envelope)
        moved = before != (self.run_uid, self._opening, self.next_seq)
        if moved and (self.next_seq < answer.next_seq or not answer.current):
            self.behind = True  # unless nothing moved: an answer that helps nobody is not asked for again at once
        return tuple(ready)

    def _follow(self, answer: Answer) -> None:
        if answer.run_uid != self.run_uid:
            self._left, self.next_seq = self.run_uid, 0
        elif self._opening and answer.opening != self._opening:
            self.next_seq = min(self.next_seq, answer.opened_seq)
        self.run_uid, self._opening = answer.run_uid, answer.opening
