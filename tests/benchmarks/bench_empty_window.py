"""An empty PsychoPy window, to compare the display with: a process of its own.

``python bench_empty_window.py SECONDS``: prints ``ready`` after the first flip, then flips at the display's pace for so long and prints
``{"frames": N, "dropped": N, "cpu_s": S}``.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

FRAME_S = 1.0 / 60.0


def main(seconds: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from psychopy import visual
    window = visual.Window(size=(1024, 768), units="height", color="#262626", checkTiming=False, allowGUI=False)
    window.flip()
    print("ready", flush=True)
    frames, dropped, began_s, cpu_s = 0, 0, time.monotonic(), time.process_time()
    due_s = last_s = began_s
    while last_s < began_s + seconds:
        time.sleep(max(0.0, due_s - time.monotonic()))
        window.flip()
        now_s = time.monotonic()
        frames, dropped = frames + 1, dropped + (now_s - last_s > 1.5 * FRAME_S)
        due_s, last_s = max(due_s + FRAME_S, now_s), now_s
    print(json.dumps({"frames": frames, "dropped": dropped, "cpu_s": time.process_time() - cpu_s}), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
