"""The same bits in a fresh process, on one thread or two; nothing is compiled in the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from realign_moved_head import bits


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_fresh_process_gives_the_same_bits_and_compiles_nothing_after_warm_up(threads: str) -> None:
    script = Path(__file__).with_name("realign_moved_head.py")
    count = dict.fromkeys(("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), threads)
    done = subprocess.run([sys.executable, str(script)], env=os.environ | count, capture_output=True, text=True, timeout=150, check=True)
    told = json.loads(done.stdout)
    assert told["compiled_in_the_run"] == 0
    assert told["bits"] == bits()
