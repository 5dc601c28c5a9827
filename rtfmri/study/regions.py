"""The regions whose activity is measured: where each comes from, and what ``prepare`` does with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rtfmri.messages import Vector
from rtfmri.study.section import Section

Space = Literal["EPI", "T1", "MNI"]


class SourceRule(Section):
    """One source of a region: a mask (NIfTI), labels of a label image (NIfTI), or a sphere in MNI space.

    ``space`` says where a mask or a label image lies; EPI means the EPI's own grid.
    """

    mask: Path | None = None
    label_image: Path | None = None
    labels: tuple[int, ...] = ()
    space: Space = "EPI"
    sphere_mni_mm: Vector | None = None
    radius_mm: float = Field(default=8.0, gt=0)

    @property
    def given(self) -> tuple[str, ...]:
        """Which sources are there; exactly one should be."""
        sources = {"mask": self.mask, "label_image": self.label_image, "sphere_mni_mm": self.sphere_mni_mm}
        return tuple(name for name, value in sources.items() if value is not None)

    @property
    def words(self) -> str:
        """For the operator: ``sphere of 8 mm at (60, -40, 22) in MNI``."""
        if self.sphere_mni_mm is not None:
            return f"sphere of {self.radius_mm:g} mm at ({', '.join(f'{mm:g}' for mm in self.sphere_mni_mm)}) in MNI"
        if self.label_image is not None:
            return f"labels {', '.join(map(str, self.labels))} of {self.label_image.name} in {self.space}"
        return f"{self.mask.name} in {self.space}" if self.mask is not None else ""

    @model_validator(mode="after")
    def _fits(self) -> SourceRule:
        self._check()
        return self

    def _check(self) -> None:
        if len(self.given) != 1:
            raise ValueError("each source is either mask, label_image or sphere_mni_mm")
        self._check_parts()

    def _check_parts(self) -> None:
        if (self.label_image is None) != (not self.labels):
            raise ValueError("label_image and labels belong together, such as labels = [301, 302]")
        if self.sphere_mni_mm is not None and self.space == "T1":
            raise ValueError("sphere_mni_mm lies in MNI space; leave out space")


class RoiRule(SourceRule):
    """A region: one source, or several in ``sources`` that are combined; all but a mask on the EPI's own grid need ``prepare``.

    ``grey_matter``: leave only voxels with grey matter; without it, spheres are cut and all else is not.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    weight: float
    sources: tuple[SourceRule, ...] = ()
    combine: Literal["union", "intersection"] = "union"
    grey_matter: bool | None = None
    provisional: bool = False  # a sphere is provisional whatever is said here
    localized: bool = False  # only the voxels that `rtfmri localize` chose within it in this session
    voxel_weights: Path | None = None  # on the mask's grid: how much each voxel counts in the region's mean

    def _check(self) -> None:
        if len(self.given) + bool(self.sources) != 1:
            raise ValueError(
                "give either mask (a NIfTI on the EPI's grid, or with space = 'T1' or 'MNI'), label_image with labels, sphere_mni_mm, "
                "or several of these as sources"
            )
        self._check_parts()

    @property
    def all_sources(self) -> tuple[SourceRule, ...]:
        """The sources, also where the region itself is the only one."""
        return self.sources or (self,)

    @property
    def source_words(self) -> str:
        """Where the region comes from, all of it: a study that says otherwise must be prepared again."""
        sources = f" {self.combine} ".join(source.words for source in self.all_sources)
        return f"{sources}, cut by grey matter" if self.cut_by_grey_matter else sources

    @property
    def cut_by_grey_matter(self) -> bool:
        return self.has_sphere if self.grey_matter is None else self.grey_matter

    @property
    def has_sphere(self) -> bool:
        return any(source.sphere_mni_mm is not None for source in self.all_sources)

    @property
    def is_provisional(self) -> bool:
        return self.provisional or self.has_sphere

    @property
    def needs_preparation(self) -> bool:
        """False for a mask that is used as it is: one on the EPI's own grid that nothing is done to."""
        return self.mask is None or self.space != "EPI" or bool(self.grey_matter)
