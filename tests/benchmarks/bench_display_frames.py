"""What a frame of each view costs: a process of its own. Prints ``{name: {"draw_ms": ..., "flip_ms": ...}}``, CPU time."""

from __future__ import annotations

import json
import time

from feedback.gallery import gallery
from feedback.psychopy_window import PsychopyWindow

PLATES = ("en_circle_neutral", "en_circle_high", "en_thermometer_high", "en_line_high", "en_rating_moved", "en_card_none", "blank")
FRAMES = 120


def main() -> None:
    plates = {name: shapes for name, _, shapes in gallery(("en",)) if name in PLATES}
    costs = {}
    with PsychopyWindow((1024, 768)) as window:
        for name, shapes in plates.items():
            window.draw(shapes)
            window.flip()
            draw_s = flip_s = 0.0
            for _ in range(FRAMES):
                began_s = time.process_time()
                window.draw(shapes)
                drawn_s = time.process_time()
                window.flip()
                draw_s, flip_s = draw_s + drawn_s - began_s, flip_s + time.process_time() - drawn_s
            costs[name] = {"draw_ms": 1e3 * draw_s / FRAMES, "flip_ms": 1e3 * flip_s / FRAMES}
    print(json.dumps(costs))


if __name__ == "__main__":
    main()
