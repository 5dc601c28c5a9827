"""A lab's own measure in its own process: values, errors, time-outs, and the run that goes on."""

import sys
import textwrap
import time
import uuid

import numpy as np
import pytest

from rtfmri.engine.user_function import LATE, user_function
from rtfmri.errors import StudyError
from rtfmri.signals.measures.function import Seen

MODULE = """
    import os, time
    def first(seen): return seen.cleaned[0, seen.index]
    def breaks(seen): return 1 / (seen.index - 3)
    def nothing(seen): return float("nan")
    def sleeps(seen):
        if seen.index == 3:
            time.sleep(60)
        return 1.0
    def dies(seen): os._exit(1)
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    name = f"lab_{uuid.uuid4().hex[:8]}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


def seen(index: int) -> Seen:
    values = np.arange(2.0 * (index + 1)).reshape(2, index + 1)
    used = np.ones(index + 1, dtype=bool)
    return Seen(index, 1.0, ("a", "b"), values, values, used, range(1), (0.0, 0.0), (None, None), 0.0, None)


def test_it_answers_and_an_error_in_it_holds_one_volume_only(lab):
    with user_function(f"{lab}:first", 20.0) as ask:
        assert ask(seen(4)).value == 4.0
    with user_function(f"{lab}:breaks", 20.0) as ask:
        held = ask(seen(3))
        assert (held.value, held.held, held.late) == (None, True, False)
        assert "ZeroDivisionError" in held.why
        assert ask(seen(4)).value == 1.0
    with user_function(f"{lab}:nothing", 20.0) as ask:
        assert "no finite number" in ask(seen(3)).why


def test_one_that_runs_late_is_held_and_comes_back(lab):
    with user_function(f"{lab}:sleeps", 5.0) as ask:
        assert ask(seen(2)).value == 1.0
        ask._limit_s = 0.2
        late = ask(seen(3))
        assert (late.value, late.held, late.late, late.why) == (None, True, True, LATE)
        ask._limit_s = 5.0
        until = time.monotonic() + 60
        while ask(seen(4)).value is None and time.monotonic() < until:
            time.sleep(0.1)
        assert ask(seen(5)).value == 1.0


def test_a_replay_obeys_what_was_late(lab):
    with user_function(f"{lab}:first", None, late=frozenset({4})) as ask:
        assert ask(seen(4)).late
        assert ask(seen(5)).value == 5.0


def test_one_that_ends_its_process_holds(lab):
    with user_function(f"{lab}:dies", 20.0) as ask:
        assert ask(seen(1)).held


@pytest.mark.parametrize("name", ["no_such_module_of_a_lab:x", "math:no_such_function"])
def test_one_that_cannot_be_imported_is_refused(name):
    with pytest.raises(StudyError, match="cannot be used"), user_function(name, 1.0):
        pass
