"""Damaged files of every kind: refused with a reason, or a volume; never another exception, a hang, or more memory than is honest.

10,000 of them and more are tried in tests/benchmarks/test_decoding.py.
"""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from acquisition_files import mosaic_bytes
from mutations import damaged, element_ends, mutants, outcome, whole_files
from pydicom.uid import DeflatedExplicitVRLittleEndian

from rtfmri.acquisition.assemble import SAME_GRID_MM
from rtfmri.acquisition.csa import read_csa
from rtfmri.acquisition.files import read
from rtfmri.acquisition.intake import Intake
from rtfmri.acquisition.nifti_volume import volume_of_file
from rtfmri.acquisition.parrec import volumes_of_pair
from rtfmri.acquisition.vendors import decode
from rtfmri.errors import IncompleteError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Volume

LONGEST_S = 2.0
SPARE_BYTES = 400_000  # what a parser may need beside the data


def peak_bytes(data: bytes) -> int:
    tracemalloc.start()
    try:
        outcome(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", sorted(whole_files()))
def test_each_kind_is_whole_to_begin_with(kind: str) -> None:
    assert outcome(whole_files()[kind]) == "volume"


@pytest.mark.parametrize("kind", [kind for kind in sorted(whole_files()) if "deflated" not in kind])
def test_a_file_cut_at_any_element_is_incomplete(kind: str) -> None:
    data = whole_files()[kind]
    ends = element_ends(data)
    for end in ends if len(ends) < 1000 else random.Random(1).sample(ends, 1000):
        with pytest.raises(IncompleteError):
            read(data[:end])


@pytest.mark.parametrize("kind", sorted(whole_files()))
def test_a_file_of_which_only_the_beginning_is_written_is_incomplete_or_has_an_empty_end(kind: str) -> None:
    data = whole_files()[kind]
    for end in random.Random(2).sample(range(132, len(data)), 30):
        try:
            pieces = decode(read(data[:end] + bytes(len(data) - end)))
        except VolumeError:
            continue
        assert any((piece.data == piece.data.min()).any() for piece in pieces)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_are_refused_or_give_a_volume(seed: int) -> None:
    for kind, data in mutants(600, seed):
        began_s = time.perf_counter()
        assert outcome(data) in ("volume", "VolumeError", "IncompleteError"), kind
        assert time.perf_counter() - began_s < LONGEST_S, kind


def test_damaged_files_need_no_more_than_twice_the_memory_of_whole_ones() -> None:
    honest = {kind: peak_bytes(data) for kind, data in whole_files().items()}
    for kind, data in mutants(300, seed=99):
        assert peak_bytes(data) <= 2 * honest[kind] + 2 * len(data) + SPARE_BYTES, kind


def test_a_deflated_file_that_would_fill_the_memory_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(10**8)) + packer.flush()
    head = whole_files()["mosaic, deflated"]
    start = head.index(DeflatedExplicitVRLittleEndian.encode()) + len(DeflatedExplicitVRLittleEndian)
    with pytest.raises(VolumeError):
        read(head[: start + start % 2] + bomb)


def test_a_damaged_file_never_changes_the_geometry_of_a_run() -> None:
    rule = SeriesRule(protocol="bold_nf*")
    chance, gone_through = random.Random(5), 0
    for _ in range(500):
        intake = Intake(rule, Acquisition(series=rule))
        items = intake.take(intake.open(mosaic_bytes(1), True), 0.0)
        try:
            items += intake.take(intake.open(damaged(mosaic_bytes(2), chance), True), 0.1)
        except VolumeError:
            continue
        first, *others = [item for item in (*items, *intake.finish(1.0)) if isinstance(item, Volume)]
        gone_through += len(others)
        assert all(other.grid.difference_mm(first.grid) <= SAME_GRID_MM and abs(other.tr_s - first.tr_s) < 1e-3 for other in others)
    assert gone_through > 20


def test_a_damaged_csa_header_is_read_or_refused() -> None:
    block = read(mosaic_bytes(1)).header.csa
    chance = random.Random(6)
    for _ in range(1000):
        broken = bytearray(block)
        for _ in range(chance.choice((1, 3))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            found = read_csa(bytes(broken[: chance.choice((len(broken), chance.randrange(len(broken))))]))
        except VolumeError:
            continue
        assert all(np.isfinite(values).all() for values in found.values())


def test_a_damaged_nifti_file_is_refused_or_gives_a_volume() -> None:
    image = nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(4, 5, 6), np.diag([-3.0, 3.0, 3.5, 1.0]))
    whole, chance = image.to_bytes(), random.Random(7)
    for _ in range(1500):
        broken = bytearray(whole)
        for _ in range(chance.choice((1, 2, 5))):
            broken[chance.randrange(360)] = chance.choice((0, 0xFF, chance.randrange(256)))
        data = bytes(broken[: chance.choice((len(broken), chance.randrange(len(broken))))])
        try:
            volume = volume_of_file(gzip.compress(data) if chance.random() < 0.2 else data, 0, 2.0)
        except VolumeError:
            continue
        assert np.isfinite(volume.grid.affine).all()
        assert volume.data.size <= len(data)


@pytest.mark.real_data
def test_a_damaged_par_file_is_refused_or_gives_volumes(real_data: Path) -> None:
    folder = real_data / "ingest" / "philips_r32_enhanced_balls" / "PARREC"
    par, rec = (folder / "T2_.PAR").read_bytes(), (folder / "T2_.REC").read_bytes()
    chance, read_ = random.Random(8), 0
    for _ in range(150):
        broken = bytearray(par)
        for _ in range(chance.choice((1, 1, 3, 10))):
            broken[chance.randrange(len(broken))] = chance.choice(b"0123456789 .-eX\n\xff\0")
        try:
            volumes = volumes_of_pair(bytes(broken[: chance.choice((len(par), len(par), chance.randrange(len(par))))]), rec)
        except VolumeError:
            continue
        read_ += 1
        assert all(np.isfinite(volume.grid.affine).all() and volume.tr_s > 0 for volume in volumes)
    assert read_
