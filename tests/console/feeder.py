"""A made-up run through the real ``Publisher``, at any pace: what the console hears, without scanner and engine.

By hand: ``python tests/console/feeder.py --port 5560 --volumes 1200 --pace 0.5 --ready 600`` (the first 600 at once).
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rtfmri.messages import (
    BlockInfo,
    Confirmed,
    DisplaySettings,
    Entities,
    Envelope,
    Fault,
    Message,
    Motion,
    Operator,
    Published,
    Quality,
    RoiInfo,
    RoiReading,
    RunStart,
    RunStop,
    Shown,
    Timing,
    VolumeMessage,
)
from rtfmri.stream.ports import Ports
from rtfmri.stream.publisher import Publisher

ROIS = {"dlpfc": 0.5, "tpj": -0.5}
CYCLE = (("rest", 30.0, "rest"), ("self_compassion", 40.0, "regulate"), ("wait", 7.0, "other"), ("show", 6.0, "other"))
STAGES = {"decode": 1.2, "assemble": 0.3, "queue": 0.1, "realign": 5.0, "sample": 1.0, "signal": 0.6}


@dataclass(frozen=True)
class MadeUp:
    """A run of ``volumes``; ``secret`` values stand in its messages even where it is blind, to see whether anything lets them out."""

    volumes: int = 1200
    tr_s: float = 0.5
    blind: bool = False
    run: int = 1
    uid: str = "made-up"
    measure: str = "difference"
    unit: str = "percent"

    @property
    def blocks(self) -> tuple[BlockInfo, ...]:
        blocks: list[BlockInfo] = []
        onset_s = 0.0
        while onset_s < self.volumes * self.tr_s:
            for name, duration_s, role in CYCLE:
                blocks.append(BlockInfo(name=name, onset_s=onset_s, duration_s=duration_s, role=role))
                onset_s += duration_s
        return tuple(block for block in blocks if block.onset_s < self.volumes * self.tr_s)

    def start(self, now_s: float) -> tuple[Message, ...]:
        rois = tuple(RoiInfo(name=name, weight=weight, n_voxels=120) for name, weight in ROIS.items())
        return (
            RunStart(
                software="rtfmri test",
                study="made-up",
                entities=Entities(sub="07", run=self.run),
                run_kind="feedback",
                run_uid=self.uid,
                started_unix_s=now_s,
                tr_s=self.tr_s,
                dummies=0,
                planned_volumes=self.volumes,
                blocks=self.blocks,
                rois=rois,
                range_percent=1.0,
                measure=self.measure,
                unit=self.unit,
                display=DisplaySettings(),
                fd_hold_mm=0.5,
                stale_after_s=2.5 * self.tr_s,
                pause_after_s=10.0,
                blind=self.blind,
            ),
            Operator(action="arm", note=""),
            Confirmed(
                tr_s=self.tr_s,
                shape=(64, 64, 36),
                voxel_size_mm=(3.0, 3.0, 3.3),
                planned_volumes=self.volumes,
                blocks=self.blocks,
                rois=rois,
            ),
        )

    def volume(self, index: int, now_s: float) -> tuple[Message, ...]:
        """What follows one volume: the volume, that it was published, what was shown, and now and then more."""
        chance = random.Random(index)
        time_s = index * self.tr_s
        number, block = max((n, b) for n, b in enumerate(self.blocks) if b.onset_s <= time_s)
        messages: list[Message] = [self._volume(index, number, block, chance, now_s)]
        total_ms = sum(STAGES.values()) + chance.expovariate(0.5)
        told = {"journal": 1.5, "publish": 0.2, "total": total_ms + 1.7}
        messages.append(Published(index=index, published_unix_s=now_s, latency_ms=told))
        if index % 4 == 3:
            messages.append(Shown(display="projector", index=index, state="feedback", value=0.3719, flip_unix_s=now_s))
            tsnr = {"brain": 60 + 5 * chance.random(), **{name: 50 + 5 * chance.random() for name in ROIS}}
            messages.append(Quality(index=index, tsnr=tsnr, spike_percent=0.1, ghost_percent=1.0, volumes=index))
        if index % 400 == 399:
            messages.append(Fault(code="moved", severity="warning", text="The head moved.", advice="Ask to lie still.", index=index))
        return tuple(messages)

    def _volume(self, index: int, number: int, block: BlockInfo, chance: random.Random, now_s: float) -> VolumeMessage:
        time_s = index * self.tr_s
        moved = index % 150 == 149
        validity = "settling" if time_s < 20 else "missing" if index % 333 == 332 else "held" if moved else "ok"
        raised = block.role == "regulate"
        psc = {
            name: 0.7 * (1 if weight > 0 else -0.6) * raised + 0.25 * math.sin(time_s / 9 + weight) + chance.gauss(0, 0.12)
            for name, weight in ROIS.items()
        }
        known = validity != "settling"
        rois = {
            name: RoiReading(
                raw=900 + 9 * value + 0.004 * index,
                cleaned=900 + 9 * value,
                psc=value if known else None,
                se=0.15 + 0.05 * chance.random() if known else None,
            )
            for name, value in psc.items()
        }
        regulation = 0.5 * (psc["dlpfc"] - psc["tpj"])
        trans = (0.1 * math.sin(time_s / 60), 0.05 * math.cos(time_s / 45), 0.0006 * time_s)
        motion = Motion(
            trans_mm=trans, rot_rad=(0.002 * math.sin(time_s / 70), 0.001, -0.0005), fd_mm=0.8 if moved else 0.06 + 0.03 * chance.random()
        )
        missing = validity == "missing"
        return VolumeMessage(
            index=index,
            condition=block.name,
            block=number,
            validity=validity,
            why="the head moved by 0.8 mm" if moved else "",
            acquired_s=time_s,
            motion=None if missing else motion,
            dvars_percent=None if missing else 1.2 + 0.2 * chance.random(),
            flagged=moved,
            rois={} if missing else rois,
            regulation=regulation if known and not missing else None,
            regulation_se=0.2 if known and not missing else None,
            value=(regulation if self.unit == "percent" else 0.3 + 2.0 * regulation) if known and not missing else None,
            value_se=0.2 if known and not missing else None,
            feedback=0.4242 if validity == "ok" else None,
            timing=Timing(arrived_unix_s=now_s, latency_ms={stage: ms * (0.8 + 0.4 * chance.random()) for stage, ms in STAGES.items()}),
        )

    def stop(self, now_s: float) -> Message:
        counts = {
            "planned": self.volumes,
            "received": self.volumes,
            "ok": self.volumes,
            "settling": 0,
            "held": 0,
            "missing": 0,
            "faults": 0,
        }
        return RunStop(exit_status="completed", reason="the last planned volume was published", counts=counts, stopped_unix_s=now_s)


class Feeder:
    """Context manager: a publisher that tells a made-up run."""

    def __init__(self, ports: Ports) -> None:
        self._publisher = Publisher(ports)
        self._uid, self._seq = "", 0

    def __enter__(self) -> Feeder:
        self._publisher.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._publisher.__exit__(None, None, None)

    def open(self, run: MadeUp) -> None:
        self._uid, self._seq = run.uid, 0
        self._publisher.open_run(run.uid)
        self.say(*run.start(time.time()))

    def say(self, *messages: Message) -> None:
        for message in messages:
            self._publisher.publish(Envelope(run_uid=self._uid, seq=self._seq, sent_unix_s=time.time(), message=message))
            self._seq += 1

    def volumes(self, run: MadeUp, first: int, beyond: int, pace_s: float = 0.0) -> Iterator[int]:
        """Publish volumes ``first`` ... ``beyond`` - 1, one each ``pace_s``; each number is given back once it is out."""
        begun_s = time.monotonic()
        for n, index in enumerate(range(first, beyond)):
            if (wait_s := begun_s + n * pace_s - time.monotonic()) > 0:
                time.sleep(wait_s)
            self.say(*run.volume(index, time.time()))
            yield index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5560)
    parser.add_argument("--volumes", type=int, default=1200)
    parser.add_argument("--tr", type=float, default=0.5)
    parser.add_argument("--pace", type=float, default=0.5)
    parser.add_argument("--ready", type=int, default=0)
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--stay", type=float, default=0.0, help="seconds to stay after the run")
    wanted = parser.parse_args()
    run = MadeUp(wanted.volumes, wanted.tr, wanted.blind, uid=f"made-up-{time.time():.0f}")
    with Feeder(Ports("127.0.0.1", wanted.port)) as feeder:
        feeder.open(run)
        for _ in feeder.volumes(run, 0, wanted.ready):
            pass
        for _ in feeder.volumes(run, wanted.ready, run.volumes, wanted.pace):
            pass
        feeder.say(run.stop(time.time()))
        time.sleep(wanted.stay)


if __name__ == "__main__":
    main()
