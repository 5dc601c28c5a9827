"""Files of every kind, damaged in every way, and what may become of them."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator
from functools import cache

import numpy as np
import pydicom
from acquisition_files import SHARED, dataset_of, mosaic_bytes, scan_of, to_bytes
from enhanced_files import multi_bytes
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from rtfmri.acquisition.files import read
from rtfmri.acquisition.slices import Slice
from rtfmri.acquisition.vendors import decode
from rtfmri.errors import VolumeError

PIXELS = np.random.default_rng(1).integers(1, 4000, size=(4, 40, 36)).astype(np.uint16)
# One file of each real kind; where the scanner data are absent, the written ones alone are damaged.
REAL = (
    "siemens_vb17_mosaic_ax/*",
    "siemens_xa10_enhanced/*",
    "siemens_xa30_classic/*/*",
    "ge_dv26_epi/*",
    "philips_r511_classic_phantom/*",
    "philips_r32_enhanced_balls/DICOM/*",
    "uih_r002_vframe_grid/*",
    "canon_v60_classic_dti_3vol/*",
    *(f"siemens_vb17_nine_transfer_syntaxes/{number}.dcm" for number in range(2, 10)),
)
LENGTHS = (0, 1, 2, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


@cache
def whole_files() -> dict[str, bytes]:
    """Every kind of file that is damaged, by name."""
    files = {
        "mosaic": mosaic_bytes(3),
        "mosaic, implicit": to_bytes(dataset_of(scan_of(3)), ImplicitVRLittleEndian, implicit=True),
        "mosaic, deflated": to_bytes(dataset_of(scan_of(3)), DeflatedExplicitVRLittleEndian),
        "enhanced": multi_bytes(2),
        "enhanced, known lengths": multi_bytes(2, undefined=False),
    }
    files |= {f"mosaic, {syntax.name}": _packed(syntax) for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless)}
    for pattern in REAL:
        for path in sorted((SHARED / "ingest").glob(pattern))[:1]:
            files[pattern.removesuffix("/*")] = path.read_bytes()
    return files


def _packed(syntax: pydicom.uid.UID) -> bytes:
    dataset = dataset_of(scan_of(3, data=PIXELS))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(syntax, generate_instance_uid=False)
    return to_bytes(dataset, syntax)


def element_ends(data: bytes) -> list[int]:
    """Where each element of a file begins, at every depth, from an independent reading."""
    found: set[int] = {0, 1, 100, 128, 130, 132}

    def visit(dataset: pydicom.Dataset) -> None:
        for element in dataset.elements():
            found.add(element.value_tell if hasattr(element, "value_tell") else element.file_tell)
            value = element.value
            for item in value if isinstance(value, pydicom.Sequence) else ():
                found.add(item.file_tell)
                visit(item)

    visit(pydicom.dcmread(io.BytesIO(data)))
    return sorted(end + back for end in found if end for back in (0, -8, -12, -4, -1) if 0 <= end + back < len(data))


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The file with bytes flipped, lengths or sizes made absurd, a piece taken out, doubled or zeroed, or cut off."""
    header = max(200, data.rfind(b"\xe0\x7f\x10\x00"))
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
        at = chance.randrange(len(broken) if chance.random() < 0.2 else min(header + 400, len(broken)))
        kind = chance.randrange(7)
        if kind <= 2:
            broken[at] = chance.choice((0, 1, 0x7F, 0xFF, broken[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
        elif kind == 3:
            broken[at : at + 4] = struct.pack("<I", chance.choice(LENGTHS))
        elif kind == 4:
            broken[at : at + 2] = struct.pack(chance.choice("<>") + "H", chance.choice((0, 1, 0xFFFF, chance.randrange(65536))))
        elif kind == 5:
            size = chance.choice((1, 2, 8, 100, 5000))
            broken[at : at + size] = chance.choice((b"", bytes(size), broken[at : at + size] * 2))
        else:
            del broken[chance.randrange(1, len(broken)) :]
        if len(broken) < 2:
            break
    return bytes(broken)


def outcome(data: bytes) -> str:
    """``volume`` or the kind of refusal; anything else that is raised comes out. Volumes are of finite geometry and honest size."""
    try:
        pieces = decode(read(data))
    except VolumeError as error:
        return type(error).__name__ if str(error) else "no reason"
    for piece in pieces:
        assert piece.data.dtype == np.float32
        assert piece.tr_s > 0
        if not isinstance(piece, Slice):
            assert piece.index >= 0
            assert np.isfinite(piece.grid.affine).all()
            assert piece.data.shape == piece.grid.shape
    return "volume"


def mutants(number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """``number`` damaged files, of all kinds in turn."""
    chance = random.Random(seed)
    kinds = sorted(whole_files())
    for count in range(number):
        kind = kinds[count % len(kinds)]
        yield kind, damaged(whole_files()[kind], chance)
