"""The kinds of file that a simulated run can be written as; another one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rtfmri.simulate.enhanced import enhanced_files
from rtfmri.simulate.mosaic import mosaic_files
from rtfmri.simulate.series import DicomFile, Pixels, Series
from rtfmri.simulate.slices import ge_files, philips_files

Flavour = Literal["mosaic", "xa_enhanced", "ge", "philips"]
Writer = Callable[[Pixels, Series, int], list[DicomFile]]  # uint16 (X, Y, Z), the series, the volume's index -> its files as they come

WRITERS: dict[Flavour, Writer] = {"mosaic": mosaic_files, "xa_enhanced": enhanced_files, "ge": ge_files, "philips": philips_files}
