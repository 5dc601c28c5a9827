"""The vendors' private elements that are kept of a file: their places and how they are written.

A private element lies in group gggg, element bbee: ``bb`` is the block that its creator reserved by its name in (gggg,00bb) (PS3.5, 7.8.1).
Names are the vendors' own, as dcm2niix, pydicom and the conformance statements list them.
"""

from __future__ import annotations

import re

BLOCKS = range(0x10, 0x18)  # where creators are looked for

# Numbers: group, creator, element, and how they are written: as text, or in the notation of Python's ``struct``.
PRIVATE_NUMBERS: dict[str, tuple[int, str, int, str]] = {
    "ge_first_location_mm": (0x0019, "GEMS_ACQU_01", 0x19, "text"),
    "ge_last_location_mm": (0x0019, "GEMS_ACQU_01", 0x1B, "text"),
    "ge_echoes": (0x0019, "GEMS_ACQU_01", 0x7E, "h"),
    "ge_group_delay_s": (0x0043, "GEMS_PARM_01", 0x7C, "f"),
    "ge_locations": (0x0021, "GEMS_RELA_01", 0x4F, "h"),
    "ge_timer": (0x0021, "GEMS_RELA_01", 0x5E, "text"),
    "ge_slices": (0x0043, "GEMS_PARM_01", 0x79, "H"),
    "ge_multiband": (0x0043, "GEMS_PARM_01", 0xB6, "text"),
    "siemens_time_s": (0x0021, "SIEMENS MR SDI 02", 0x04, "text"),
    "philips_slices": (0x2001, "Philips Imaging DD 001", 0x18, "i"),
    "philips_epi_factor": (0x2001, "Philips Imaging DD 001", 0x13, "i"),
    "philips_scale": (0x2005, "Philips MR Imaging DD 001", 0x0E, "f"),
    "uih_slices": (0x0065, "Image Private Header", 0x50, "text"),
}
# What a decoder looks into as it is.
PRIVATE_BLOCKS: dict[str, tuple[int, str, int]] = {
    "csa": (0x0029, "SIEMENS CSA HEADER", 0x10),
    "csa_series": (0x0029, "SIEMENS CSA HEADER", 0x20),
    "siemens_protocol": (0x0021, "SIEMENS MR SDS 01", 0x19),
    "ge_protocol": (0x0025, "GEMS_SERS_01", 0x1B),
    "ge_sequence": (0x0019, "GEMS_ACQU_01", 0x9C),
}
SIEMENS_SLICES = re.compile(rb"sSliceArray\.lSize\s*=\s*(\d{1,4})\b")  # a line of the protocol


def private_tags() -> list[int]:
    """Every tag under which one of these, or its creator's name, may lie."""
    where = [(group, element) for group, _, element, _ in PRIVATE_NUMBERS.values()]
    where += [(group, element) for group, _, element in PRIVATE_BLOCKS.values()]
    creators = {(group << 16) + block for group, _ in where for block in BLOCKS}
    return sorted(creators | {(group << 16) + (block << 8) + element for group, element in where for block in BLOCKS})
