"""The BIDS community's own validator, asked of what a run leaves behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "bids-validator-deno"


def bids_errors(dataset: Path) -> list[str]:
    """What the validator calls an error, ``code: place``; what it only recommends is left to the lab. Skips where it is not installed."""
    program = shutil.which(PROGRAM, path=str(Path(sys.executable).parent)) or shutil.which(PROGRAM)
    if program is None:
        pytest.skip("no BIDS validator on this machine (pip install bids-validator-deno)")
    done = subprocess.run([program, "--json", str(dataset)], capture_output=True, text=True, timeout=120, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [f"{one['code']}: {one.get('location', '')}" for one in issues if one["severity"] == "error"]
