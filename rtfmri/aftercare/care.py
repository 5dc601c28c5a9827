"""One run's aftercare with its files: each notice to voxels, ``core.step``, messages and pictures; at the end the maps.

Nothing that goes wrong with a file stops it. What cannot be read or written is told once, with a calm fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rtfmri import __version__
from rtfmri.aftercare import core, files, naming
from rtfmri.aftercare.job import AftercareJob, Notice
from rtfmri.aftercare.picture import draw, prepare_canvas
from rtfmri.aftercare.planes import draw_planes, prepare_planes
from rtfmri.aftercare.raw_reader import RawReader
from rtfmri.aftercare.shedding import Told, tell
from rtfmri.errors import StudyError
from rtfmri.messages import Fault, Message, Picture
from rtfmri.volume import Image

PATIENCE_S = 1.0  # for voxels that are not in the record yet
GLANCE_S = 0.02
PLANES = "_planes"  # ends the name of a picture of planes
REALIGNED = "realigned"  # the picture of a run without a contrast

Send = Callable[[Message], None]


class Care:
    """From the run's reference to its end."""

    def __init__(self, job: AftercareJob, send: Send) -> None:
        self._send = send
        self._job, self._state = _begin(job, send)
        self._canvas = prepare_canvas(job.reference_grid, job.reference, job.mask, job.rois)
        self._planes = prepare_planes(self._canvas, job.reference_grid, job.mask, job.rois)
        self._raw = RawReader(job.raw)
        self._told = Told()
        self._lost = self._any_lost = self._disk_told = False
        self._not_realigned: list[int] = []
        self._index = -1
        self._realigned: files.RealignedRun | None = None
        if job.study.aftercare.resliced:
            self._on_disk(self._open_realigned)

    def volume(self, notice: Notice, lag: int) -> None:
        """One volume number, with ``lag`` others waiting behind it."""
        self._index = notice.index
        self._told, faults = tell(self._told, lag, notice.index)
        for fault in faults:
            self._send(fault)
        self._state, results = core.step(self._state, self._job, self._voxels(notice), notice, lag)
        if results.quality is not None:
            self._send(results.quality)
        if results.drawn and results.resliced is not None:
            self._draw(notice.index, results.resliced, results.maps)
        self._keep(notice.index, results.resliced)

    def finish(self) -> bool:
        """Write the maps and, where asked for, the realigned run; whether all of it is on the disk, from all volumes."""
        if self._state.fit.volumes:
            self._write_maps()
        realigned = self._realigned
        if realigned is not None:
            about = self._about() | {"VolumesNotRealigned": self._not_realigned, "Order": self._job.study.aftercare.order}
            path = naming.realigned(self._job.folder, self._job.label)
            self._on_disk(lambda: realigned.write(path, self._job.tr_s, about))
        return not (self._disk_told or self._any_lost)

    def close(self) -> None:
        self._raw.close()
        if self._realigned is not None:
            self._realigned.close()

    def _voxels(self, notice: Notice) -> Image | None:
        """The volume as recorded. None where it is missing, and where the record does not hold it in time; that is told once."""
        image = self._raw.read(notice.index)
        if image is not None:
            self._lost = False
            return image if image.any() else None  # what never came is zeros
        if notice.transform is None and not notice.usable:
            return None
        until_s = time.monotonic() + (0.0 if self._lost else PATIENCE_S)
        while image is None and time.monotonic() < until_s:
            time.sleep(GLANCE_S)
            image = self._raw.read(notice.index)
        if image is None and not self._lost:
            self._send(_voxels_lost(notice.index))
        self._lost = image is None
        self._any_lost |= self._lost
        return image

    def _draw(self, index: int, resliced: Image, maps: dict[str, Image]) -> None:
        """Of each contrast the mosaic and, where there are regions, the planes through them; of the realigned volume alone without one."""
        count = f"{self._state.fit.volumes} volumes in the map"
        said = {contrast.rule.name: f"{naming.words(contrast.rule)}  ·  {count}" for contrast in self._state.prepared.contrasts}
        for what, words in (said or {REALIGNED: "realigned"}).items():
            png = draw(self._canvas, resliced, maps.get(what), f"volume {index + 1}  ·  {words}")
            self._on_disk(lambda what=what, png=png: self._show(index, what, png))  # type: ignore[misc]
            if self._planes is not None:
                png = draw_planes(self._planes, resliced, maps.get(what))
                self._on_disk(lambda what=f"{what}{PLANES}", png=png: self._show(index, what, png))  # type: ignore[misc]

    def _show(self, index: int, what: str, png: bytes) -> None:
        path = files.write_picture(self._job.folder, self._job.label, what, index, png)
        self._send(Picture(index=index, what=what, path=str(path)))

    def _open_realigned(self) -> None:
        self._realigned = files.RealignedRun(self._job.folder, self._job.reference_grid)

    def _keep(self, index: int, resliced: Image | None) -> None:
        """A realigned run with a hole in it is none: it is given up where the disk fails."""
        realigned = self._realigned
        if resliced is None:
            self._not_realigned.append(index)
        elif realigned is not None and not self._on_disk(lambda: realigned.put(index, resliced)):
            realigned.close()
            self._realigned = None

    def _write_maps(self) -> None:
        job, state = self._job, self._state
        rules = {contrast.rule.name: contrast.rule for contrast in state.prepared.contrasts}
        for statistic, units, maps in (
            ("t", "t", core.t_maps(state, job, self._index)),
            ("effect", "percent of the voxel's mean", core.effect_maps(state, job, self._index)),
        ):
            for name, image in maps.items():
                about = {"Contrast": naming.words(rules[name]), "Units": units, **self._about()}
                self._write_map(name, statistic, image, about)
        self._write_map(core.BRAIN, "tsnr", core.tsnr_image(state, job), {"Units": "mean / standard deviation", **self._about()})

    def _write_map(self, what: str, statistic: str, image: Image, about: dict[str, Any]) -> None:
        path = naming.statmap(self._job.folder, self._job.label, what, statistic)
        self._on_disk(lambda: files.write_image(path, image, self._job.reference_grid, about))

    def _about(self) -> dict[str, Any]:
        job = self._job
        return {
            "VolumesInMap": self._state.fit.volumes,
            "Regressors": naming.regressors(job.plan, job.blocks),
            "SmoothingFWHM_mm": job.study.aftercare.smooth_fwhm_mm,
            "Sources": [job.raw.compressed.name],
            "SoftwareName": "rtfmri",
            "SoftwareVersion": __version__,
        }

    def _on_disk(self, write: Callable[[], None]) -> bool:
        """Whether the disk took it."""
        try:
            write()
        except OSError as error:
            if not self._disk_told:
                self._disk_told = True
                self._send(_disk_failed(error))
            return False
        return True


def _begin(job: AftercareJob, send: Send) -> tuple[AftercareJob, core.State]:
    """Contrasts that the run does not have are told, and all of regulation against rest is mapped in their place."""
    core.warm_up(job.study.aftercare.order)
    try:
        return job, core.begin(job)
    except StudyError as error:
        send(Fault(code="contrast_unknown", severity="warning", text=str(error), advice="All regulation against rest is shown instead."))
    plain = core.without_contrasts(job)
    return plain, core.begin(plain)


def _voxels_lost(index: int) -> Fault:
    text = f"Volume {index} is not in the raw record; the statistical map goes on without it."
    return Fault(code="voxels_lost", severity="warning", text=text, advice="Check the disk that the record is written to.", index=index)


def _disk_failed(error: OSError) -> Fault:
    text = f"The statistical map and its pictures cannot be written ({error.strerror or error})."
    return Fault(code="map_not_written", severity="warning", text=text, advice="Free space on the disk of the record; the run goes on.")
