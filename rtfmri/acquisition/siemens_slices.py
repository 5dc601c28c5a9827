"""Siemens, one file for each slice (XA "interoperability" export, and what is no mosaic before XA).

Volume number: ``AcquisitionNumber``, which counts volumes from 1 (XA starts ``InstanceNumber`` anew in each). Where it stands still while
``InstanceNumber`` counts through, stack.py finds out. XA may give each volume a series number and UID of its own: see series.py.

Slices of a volume: ``sSliceArray.lSize`` of the protocol (0021,xx19), where the export kept it; else it is learned.

Times: each slice has its own ``AcquisitionTime``; XA says more exactly when after the start it was taken (0021,xx04).
"""

from __future__ import annotations

from dataclasses import replace

from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.slices import Mark, Slice, mark_of, slice_of


def is_siemens_slice(header: Header) -> bool:
    """Whether this is a slice of a Siemens scanner."""
    return "SIEMENS" in header.vendor.upper() and "MOSAIC" not in header.image_type and not header.enhanced


def siemens_mark(header: Header) -> Mark:
    """Where the slice belongs, by the rule above.

    Raises
    ------
    VolumeError : it has no place in space, or no number.
    """
    number = header.acquisition_number
    return mark_of(header, None if number is None else number - 1, header.private.get("siemens_slices"))


def decode_slice(image: DicomImage) -> tuple[Slice, ...]:
    """The slice of one file.

    Raises
    ------
    VolumeError : place, number, voxel size or TR are absent or senseless; the message says which.
    """
    piece = slice_of(image.header, siemens_mark(image.header), image.pixels())
    return (replace(piece, time_s=image.header.private.get("siemens_time_s")),)
