"""``python -m rtfmri.simulate SCENARIO FOLDER``: write the masks of a scenario's regions, which its study names, into FOLDER.

A study is refused while its masks are not there, so they are made before the first run, from the scenario alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.simulate.scenario import read_scenario
from rtfmri.simulate.setup import set_up, write_rois


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 with the reason on stderr."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    scenario_file, folder = map(Path, arguments)
    try:
        setup = set_up(read_scenario(scenario_file))
        folder.mkdir(parents=True, exist_ok=True)
        for path in write_rois(folder, setup):
            print(path)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
