"""Run as a process of its own: draws pickled ``{name: shapes}`` from standard input into FOLDER/name.png, WIDTHxHEIGHT pixels.

A process of its own, as PsychoPy warns, and changes the environment of the process that imports it. No lot may be drawn for a picture:
PsychoPy places elements by lot when it is not told where they stand, and fails when too few of them fall into its field.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np

from feedback.psychopy_window import PsychopyWindow


def main(folder: Path, width: int, height: int) -> None:
    pictures = pickle.load(sys.stdin.buffer)
    with PsychopyWindow((width, height)) as window:
        np.random.seed(1)
        before = np.random.get_state()[1:3]
        for name, shapes in pictures.items():
            window.draw(shapes)
            window.screenshot(folder / f"{name}.png")
            window.flip()
        after = np.random.get_state()[1:3]
        if not (np.array_equal(before[0], after[0]) and before[1] == after[1]):
            sys.exit("Something was placed by lot.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
