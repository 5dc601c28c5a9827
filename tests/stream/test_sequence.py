"""The merge of live messages and answers: every message once and in order, whatever is lost, late or repeated."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from stream_helpers import envelope, envelopes, volume

from rtfmri.messages import Envelope, encode
from rtfmri.stream.asking import Answer, Ask, Line, decode_answer, encode_answer
from rtfmri.stream.sequence import Sequencer
from rtfmri.stream.snapshot import RunSoFar


def answer_to(ask: Ask, run_so_far: RunSoFar) -> tuple[Answer, tuple[Line, ...]]:
    return decode_answer(encode_answer(*run_so_far.since(ask)))


def store_of(run_uid: str, n: int) -> RunSoFar:
    run_so_far = RunSoFar()
    run_so_far.open_run(run_uid)
    append(run_so_far, *envelopes(n, run_uid))
    return run_so_far


def line(each: Envelope) -> Line:
    return Line(encode(each), each)


def append(run_so_far: RunSoFar, *more: Envelope) -> None:
    for each in more:
        run_so_far.append(each.run_uid, each.seq, encode(each))


def follow(sequencer: Sequencer, run_so_far: RunSoFar) -> list[Envelope]:
    """Ask until there is no reason to ask: at least once, and never for ever."""
    got = list(sequencer.answered(*answer_to(sequencer.ask(), run_so_far)))
    for _ in range(1000):
        if not sequencer.behind:
            return got
        got += sequencer.answered(*answer_to(sequencer.ask(), run_so_far))
    raise AssertionError("it asks for ever")


def test_a_newcomer_asks_first_and_gets_everything() -> None:
    sequencer = Sequencer()
    assert sequencer.behind
    assert follow(sequencer, store_of("run-a", 1234)) == list(envelopes(1234))


def test_a_live_message_that_the_answer_held_already_is_dropped() -> None:
    sequencer = Sequencer()
    follow(sequencer, store_of("run-a", 3))
    assert [sequencer.live(line(each)) for each in envelopes(5)] == [(), (), (), (envelope(3),), (envelope(4),)]
    assert not sequencer.behind


def test_a_gap_is_a_reason_to_ask() -> None:
    sequencer = Sequencer()
    follow(sequencer, store_of("run-a", 3))
    assert sequencer.live(line(envelope(5))) == ()
    assert sequencer.behind


def test_leftovers_of_the_run_before_are_no_reason_to_ask() -> None:
    sequencer = Sequencer()
    run_so_far = store_of("run-a", 3)
    follow(sequencer, run_so_far)
    run_so_far.open_run("run-b")
    follow(sequencer, run_so_far)
    assert sequencer.live(line(envelope(2))) == ()
    assert not sequencer.behind


def test_the_end_of_a_run_is_told_before_the_next_run() -> None:
    sequencer = Sequencer()
    run_so_far = store_of("run-a", 3)
    follow(sequencer, run_so_far)
    append(run_so_far, *envelopes(5, start=3))
    run_so_far.open_run("run-b")
    append(run_so_far, *envelopes(2, "run-b"))
    assert follow(sequencer, run_so_far) == [*envelopes(5, start=3), *envelopes(2, "run-b")]


def test_a_run_resumed_from_a_shorter_journal_is_told_again() -> None:
    sequencer = Sequencer()
    follow(sequencer, store_of("run-a", 10))
    shorter = store_of("run-a", 6)
    again = [envelope(seq, message=volume(100 + seq)) for seq in range(6, 12)]
    append(shorter, *again)
    assert follow(sequencer, shorter) == [*envelopes(6), *again]


def test_a_run_resumed_from_its_whole_journal_goes_on_whatever_comes_first() -> None:
    for live_first in (True, False):
        sequencer = Sequencer()
        follow(sequencer, store_of("run-a", 6))
        resumed = store_of("run-a", 6)
        append(resumed, envelope(6))
        got = sequencer.live(line(envelope(6))) if live_first else ()
        assert [*got, *follow(sequencer, resumed)] == [envelope(6)]


def test_two_answers_to_one_question_tell_a_run_again_once() -> None:
    sequencer = Sequencer()
    follow(sequencer, store_of("run-a", 6))
    shorter = store_of("run-a", 3)
    first, second = answer_to(sequencer.ask(), shorter), answer_to(sequencer.ask(), shorter)
    assert sequencer.answered(*first) == envelopes(3)
    assert sequencer.answered(*second) == ()
    assert follow(sequencer, shorter) == []


def test_a_run_that_is_replayed_is_told_again_from_its_beginning() -> None:
    sequencer = Sequencer()
    run_so_far = store_of("run-a", 4)
    follow(sequencer, run_so_far)
    run_so_far.open_run("run-a")
    append(run_so_far, *envelopes(2))
    assert follow(sequencer, run_so_far) == list(envelopes(2))
    append(run_so_far, *envelopes(4, start=2))
    assert follow(sequencer, run_so_far) == list(envelopes(4, start=2))


def test_a_line_that_cannot_be_read_is_passed_over() -> None:
    run_so_far = store_of("run-a", 2)
    run_so_far.append("run-a", 2, b'{"run_uid":"run-a","seq":2,"sent_unix_s":1.0,"message":{"kind":"from the future"}}')
    append(run_so_far, envelope(3))
    assert follow(Sequencer(), run_so_far) == [envelope(0), envelope(1), envelope(3)]


def test_an_engine_without_a_run_leaves_the_listener_where_it_is() -> None:
    sequencer = Sequencer()
    follow(sequencer, store_of("run-a", 3))
    assert follow(sequencer, RunSoFar()) == []
    assert (sequencer.run_uid, sequencer.next_seq, sequencer.behind) == ("run-a", 3, False)


def test_an_answer_that_helps_nobody_is_not_asked_for_again_at_once() -> None:
    sequencer = Sequencer()
    follow(sequencer, store_of("run-a", 3))
    asked = sequencer.ask()
    assert sequencer.answered(Answer(asked=asked, run_uid="run-a", first_seq=3, next_seq=9), ()) == ()
    assert not sequencer.behind


class Network(RuleBasedStateMachine):
    """An engine, a listener, and between them a live channel and a pair of channels for questions and answers, each in order but lossy."""

    def __init__(self) -> None:
        super().__init__()
        self.store = RunSoFar()
        self.runs: dict[str, list[Envelope]] = {}  # what the engine holds, or held, of each run
        self.run_uid = ""
        self.told = 0
        self.may_be_told_again: set[str] = set()
        self.sequencer = Sequencer()
        self.live: deque[Envelope] = deque()
        self.questions: deque[Ask] = deque()
        self.answers: deque[tuple[Answer, tuple[Line, ...]]] = deque()
        self.heard: dict[str, list[Envelope]] = {}

    @property
    def run(self) -> list[Envelope]:
        return self.runs[self.run_uid]

    def hear(self, got: tuple[Envelope, ...]) -> None:
        for each in got:
            heard = self.heard.setdefault(each.run_uid, [])
            if each.seq == 0 and each.run_uid in self.may_be_told_again:
                heard.clear()
            assert each.seq == len(heard), f"{each.seq} of {each.run_uid} after {len(heard)} messages"
            heard.append(each)

    @rule()
    def a_new_run_is_opened(self) -> None:
        self.told += 1
        self.run_uid = f"run-{self.told}"
        self.runs[self.run_uid] = []
        self.store.open_run(self.run_uid)

    @precondition(lambda self: self.run_uid)
    @rule(data=st.data(), same_process=st.booleans())
    def the_engine_opens_a_run_again(self, data: st.DataObject, same_process: bool) -> None:
        """Resumed, perhaps from a journal that had lost its end; what was on its way before may still arrive."""
        run_uid = data.draw(st.sampled_from(sorted(self.runs)))
        kept = data.draw(st.integers(0, len(self.runs[run_uid])))
        if run_uid != self.run_uid or kept < len(self.run):
            self.may_be_told_again.add(run_uid)
        self.run_uid = run_uid
        del self.run[kept:]
        if not same_process:
            self.store = RunSoFar()
        self.store.open_run(run_uid, [encode(each) for each in self.run])

    @precondition(lambda self: self.run_uid)
    @rule(n=st.integers(1, 4))
    def the_engine_publishes(self, n: int) -> None:
        for _ in range(n):
            self.told += 1
            self.run.append(envelope(len(self.run), self.run_uid, volume(self.told)))
            append(self.store, self.run[-1])
            self.live.append(self.run[-1])

    @precondition(lambda self: self.live)
    @rule()
    def a_live_message_arrives(self) -> None:
        self.hear(self.sequencer.live(line(self.live.popleft())))

    @precondition(lambda self: self.live)
    @rule()
    def a_live_message_is_lost(self) -> None:
        self.live.popleft()

    @rule()
    def the_listener_asks(self) -> None:
        self.questions.append(self.sequencer.ask())

    @precondition(lambda self: self.questions)
    @rule()
    def the_engine_answers(self) -> None:
        self.answers.append(answer_to(self.questions.popleft(), self.store))

    @precondition(lambda self: self.answers)
    @rule()
    def an_answer_arrives(self) -> None:
        self.hear(self.sequencer.answered(*self.answers.popleft()))

    @precondition(lambda self: self.answers)
    @rule()
    def an_answer_is_lost(self) -> None:
        self.answers.popleft()

    def teardown(self) -> None:
        """When everything has arrived or was lost, asking until there is no reason to ask brings the whole run."""
        while self.answers:
            self.an_answer_arrives()
        while self.live:
            self.a_live_message_arrives()
        self.hear(tuple(follow(self.sequencer, self.store)))
        if self.run_uid:
            counted = self.heard.get(self.run_uid, [])[: self.sequencer.next_seq]  # the rest is of a longer version, and taken back
            assert counted == self.run


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=400, stateful_step_count=40)
