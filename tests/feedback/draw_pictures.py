"""Run as a process of its own: draws pickled ``{name: shapes}`` from standard input into FOLDER/name.png, WIDTHxHEIGHT pixels.

A process of its own, as PsychoPy warns, and changes the environment of the process that imports it.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from feedback.psychopy_window import PsychopyWindow


def main(folder: Path, width: int, height: int) -> None:
    pictures = pickle.load(sys.stdin.buffer)
    with PsychopyWindow((width, height)) as window:
        for name, shapes in pictures.items():
            window.draw(shapes)
            window.screenshot(folder / f"{name}.png")
            window.flip()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
