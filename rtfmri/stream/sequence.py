"""Two unreliable channels in, every message once and in order out. No socket, no clock.

Live messages may be lost, or come late after the same message came in an answer. Answers hold what the engine holds. The rules:

* The next message of the run we follow is taken from whichever channel brings it first; everything before it is known already.
* A live message that is not the next one is not kept: the engine stores before it publishes, so the answer that we ask for now holds it.
* Only an answer says which run is the current one. A live message of another run makes us ask, so leftovers of an earlier run, or two
  runs mixed in the sockets' buffers, cannot switch us back and forth.
* The engine may hold another version of the run than we have: resumed from a shorter journal, or replayed. A checksum of all that we
  have goes with every question; where the engine's differs we are told the run again from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtfmri.messages import Envelope
from rtfmri.stream.asking import Answer, Ask, Line, chained


class Sequencer:
    """Where a listener stands: it has every message of ``run_uid`` before ``next_seq``.

    ``behind`` is true when there is a reason to ask at once: at the beginning, after a gap, when the last answer was not the end.
    """

    def __init__(self) -> None:
        self.behind = True
        self._has = Ask()
        self._left = ""  # the run before: what is left of it in a socket is no news

    @property
    def run_uid(self) -> str:
        return self._has.run_uid

    @property
    def next_seq(self) -> int:
        return self._has.seq

    def ask(self) -> Ask:
        """The question to send now; only what is heard from here on can be a reason for another."""
        self.behind = False
        return self._has

    def live(self, line: Line) -> tuple[Envelope, ...]:
        """What can be handed on now that ``line`` was heard: its message or nothing."""
        envelope = line.envelope
        if envelope is None:
            return ()  # a gap, as the next one will show
        if (envelope.run_uid, envelope.seq) == (self.run_uid, self.next_seq):
            self._take(line)
            return (envelope,)
        another_run = envelope.run_uid not in (self.run_uid, self._left)
        gap = envelope.run_uid == self.run_uid and envelope.seq > self.next_seq
        self.behind |= another_run or gap
        return ()

    def answered(self, answer: Answer, lines: Sequence[Line]) -> tuple[Envelope, ...]:
        """What can be handed on now.

        Parameters
        ----------
        lines : ``answer.first_seq`` and following; one that cannot be read is passed over.
        """
        if not answer.run_uid:
            return ()
        had = self._has
        if answer.run_uid != self.run_uid:
            self._left, self._has = self.run_uid, Ask(run_uid=answer.run_uid)
        elif answer.differs and answer.asked == self._has:
            self._has = Ask(run_uid=self.run_uid)
        elif answer.differs:
            self.behind = True  # it speaks of what we had, not of what we have by now
            return ()
        ready = []
        for seq, line in enumerate(lines, answer.first_seq):
            if seq == self.next_seq:
                self._take(line)
                ready.extend([line.envelope] if line.envelope else [])
        if self._has != had and (self.next_seq < answer.next_seq or not answer.current):
            self.behind = True  # an answer that brought nothing is not asked for again at once
        return tuple(ready)

    def _take(self, line: Line) -> None:
        self._has = Ask(run_uid=self.run_uid, seq=self.next_seq + 1, chain=chained(self._has.chain, line.raw))
