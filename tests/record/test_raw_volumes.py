"""Raw volumes come back with the same bits, from a finished file, a growing one, and one that a crash cut off."""

from __future__ import annotations

import errno
import gzip
import json
import os
import struct

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from record_makers import AFFINE, GRID, SHAPE, TR_S, a_volume

from rtfmri.errors import StudyError
from rtfmri.record import durable
from rtfmri.record.raw import RawVolumes, read_raw
from rtfmri.volume import Grid, Missing, Volume

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
small = st.floats(-4.0, 4.0, allow_nan=False)


def same_bits(volume: Volume, other: Volume) -> bool:
    """Every field that the record keeps."""
    return (
        volume.index == other.index
        and volume.data.tobytes() == other.data.tobytes()
        and volume.grid.shape == other.grid.shape
        and volume.grid.affine.tobytes() == other.grid.affine.tobytes()
        and struct.pack("d", volume.tr_s) == struct.pack("d", other.tr_s)
        and volume.slice_times_s == other.slice_times_s
    )


def write(path, items, grid=GRID, finish=True):
    with RawVolumes(path, grid, TR_S) as raw:
        for item in items:
            raw.append(item)
        assert raw.failed is None
        return raw.finish() if finish else path


@settings(max_examples=40)
@given(
    words=arrays(np.uint32, (2, *SHAPE)),  # every bit pattern: NaNs with their payload, infinities, subnormals, -0.0
    turn=arrays(np.float64, (3, 3), elements=small),
    origin=st.tuples(finite.filter(lambda x: abs(x) < 1e30), small, small),
    slice_times_s=st.lists(finite, min_size=3, max_size=3).map(tuple) | st.none(),
    tr_s=st.floats(0.1, 20.0),
    finish=st.booleans(),
)
def test_every_bit_comes_back(words, turn, origin, slice_times_s, tr_s, finish, tmp_path_factory):
    affine = np.eye(4)
    affine[:3, :3] = turn + 9 * np.eye(3)  # far from singular, as scanners' are
    affine[:3, 3] = origin
    grid = Grid(SHAPE, affine)
    volumes = [
        Volume(index, words[index].view(np.float32).copy(), grid, tr_s, slice_times_s=times)
        for index, times in enumerate((slice_times_s, None))
    ]
    path = tmp_path_factory.mktemp("raw") / "sub-01_task-nf_bold.nii"
    with RawVolumes(path, grid, tr_s) as raw:
        for volume in volumes:
            raw.append(volume)
        again = list(read_raw(raw.finish() if finish else path).read())
    assert [same_bits(volume, found) for volume, found in zip(volumes, again, strict=True)] == [True, True]


def test_other_programs_read_the_finished_file(tmp_path):
    volumes = [a_volume(index) for index in range(3)]
    path = write(tmp_path / "sub-01_task-nf_bold.nii", volumes)
    image = nib.load(path)
    assert path.name == "sub-01_task-nf_bold.nii.gz"
    assert np.array_equal(np.asanyarray(image.dataobj), np.stack([volume.data for volume in volumes], axis=-1))
    assert np.array_equal(image.affine, AFFINE.astype(np.float32))
    assert image.header.get_zooms()[3] == np.float32(TR_S)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["sub-01_task-nf_bold.json", "sub-01_task-nf_bold.nii.gz"]
    sidecar = json.loads((tmp_path / "sub-01_task-nf_bold.json").read_text())
    assert sidecar == {"TaskName": "nf", "RepetitionTime": TR_S, "SliceTiming": [0.0, 1 / 3, 2 / 3]}


def test_the_growing_file_is_a_valid_nifti_after_every_volume(tmp_path):
    path = tmp_path / "run_bold.nii"
    with RawVolumes(path, GRID, TR_S) as raw:
        for index in range(4):
            raw.append(a_volume(index))
            image = nib.load(path)
            assert image.shape == (*SHAPE, index + 1)
            assert np.array_equal(np.asanyarray(image.dataobj)[..., index], a_volume(index).data)


def test_position_is_the_index_and_what_is_missing_is_zeros(tmp_path):
    items = [Missing(0, "late"), a_volume(1), a_volume(4), Missing(5, "lost"), Missing(6, "lost")]
    path = write(tmp_path / "run_bold.nii", items)
    data = np.asanyarray(nib.load(path).dataobj)
    assert data.shape[3] == 7
    assert [bool(data[..., index].any()) for index in range(7)] == [False, True, False, False, True, False, False]
    again = list(read_raw(path).read(range(8)))
    assert [volume is not None for volume in again] == [False, True, False, False, True, False, False, False]
    assert same_bits(again[4], a_volume(4))


def test_volumes_are_read_in_any_order(tmp_path):
    path = write(tmp_path / "run_bold.nii", [a_volume(index) for index in range(4)])
    assert [volume.index for volume in read_raw(path).read([3, 0, 2])] == [3, 0, 2]


def test_what_differs_from_volume_to_volume_is_kept(tmp_path):
    other = Grid(SHAPE, AFFINE + 1e-9)
    volumes = [
        a_volume(0),
        a_volume(1, slice_times_s=None),
        a_volume(2, grid=other),
        a_volume(3, tr_s=TR_S + 1e-12),
        a_volume(4, slice_times_s=(0.0, 0.33, 0.66)),
    ]
    for finish in (True, False):
        folder = tmp_path / str(finish)
        path = write(folder / "run_bold.nii", volumes, finish=finish)
        assert all(same_bits(volume, found) for volume, found in zip(volumes, read_raw(path).read(), strict=True))


@pytest.mark.parametrize("torn_bytes", [1, 100, 4 * 5 * 4 * 3 - 1])
def test_a_torn_last_volume_is_left_out_and_the_file_goes_on(tmp_path, torn_bytes):
    path = write(tmp_path / "run_bold.nii", [a_volume(0), a_volume(1)], finish=False)
    with path.open("ab") as stream:
        stream.write(b"\x7f" * torn_bytes)  # killed while the third volume was written: no line tells of it
    assert [volume.index for volume in read_raw(path).read()] == [0, 1]
    with RawVolumes(path, GRID, TR_S) as raw:
        raw.append(a_volume(3))
        finished = raw.finish()
    again = list(read_raw(finished).read(range(4)))
    assert [volume is not None for volume in again] == [True, True, False, True]
    assert all(same_bits(volume, a_volume(volume.index)) for volume in again if volume)
    assert not np.asanyarray(nib.load(finished).dataobj)[..., 2].any()


def test_a_torn_line_takes_its_volume_with_it(tmp_path):
    path = write(tmp_path / "run_bold.nii", [a_volume(0), a_volume(1, slice_times_s=None)], finish=False)
    facts = tmp_path / "run_bold.jsonl"
    facts.write_bytes(facts.read_bytes()[:-5])
    with RawVolumes(path, GRID, TR_S) as raw:
        raw.append(a_volume(1, slice_times_s=(0.1, 0.2, 0.3)))
        finished = raw.finish()
    assert [v.slice_times_s for v in read_raw(finished).read()] == [(0.0, 1 / 3, 2 / 3), (0.1, 0.2, 0.3)]


def test_volumes_written_again_after_a_resume_change_nothing(tmp_path):
    path = write(tmp_path / "run_bold.nii", [a_volume(0), a_volume(1)], finish=False)
    with RawVolumes(path, GRID, TR_S) as raw:
        for index in range(3):
            raw.append(a_volume(index))
        finished = raw.finish()
    assert [same_bits(volume, a_volume(volume.index)) for volume in read_raw(finished).read()] == [True] * 3


def test_a_file_of_another_grid_is_not_continued(tmp_path):
    path = write(tmp_path / "run_bold.nii", [a_volume(0)], finish=False)
    with pytest.raises(StudyError, match="another grid"):
        RawVolumes(path, Grid(SHAPE, AFFINE + 1e-6), TR_S)


def test_files_that_were_opened_and_never_filled_are_begun_anew(tmp_path):
    (tmp_path / "run_bold.nii").write_bytes(b"")
    (tmp_path / "run_bold.jsonl").write_bytes(b"")
    path = write(tmp_path / "run_bold.nii", [a_volume(0)])
    assert [same_bits(volume, a_volume(0)) for volume in read_raw(path).read()] == [True]


def test_a_volume_of_another_shape_is_a_bug(tmp_path):
    with RawVolumes(tmp_path / "run_bold.nii", GRID, TR_S) as raw, pytest.raises(ValueError, match="does not belong"):
        raw.append(a_volume(0, grid=Grid((5, 4, 4), AFFINE)))


@pytest.mark.parametrize("write_that_fails", range(3))  # voxels, count, line
def test_volumes_wait_while_the_disk_is_full_and_none_is_lost(tmp_path, monkeypatch, write_that_fails):
    path = tmp_path / "run_bold.nii"
    with RawVolumes(path, GRID, TR_S) as raw:
        raw.append(a_volume(0))
        with monkeypatch.context() as full:
            full.setattr(durable.os, "pwrite", _fails_from(write_that_fails))
            raw.append(a_volume(1))
            assert raw.failed is not None
            raw.append(a_volume(2))
            assert raw.waiting == 2
        raw.append(a_volume(3))
        assert raw.failed is None
        finished = raw.finish()
    assert [same_bits(volume, a_volume(volume.index)) for volume in read_raw(finished).read()] == [True] * 4


def test_what_still_waits_at_the_end_is_rescued(tmp_path):
    """Both files point to a device that is always full; the rescue goes elsewhere."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    for name in ("run_bold.nii", "run_bold.jsonl"):
        (tmp_path / name).symlink_to("/dev/full")
    rescue = tmp_path / "rescue"
    rescue.mkdir()
    with RawVolumes(tmp_path / "run_bold.nii", GRID, TR_S, fallback=rescue) as raw:
        raw.append(a_volume(3))
        assert raw.failed is not None
        assert raw.failed.errno == errno.ENOSPC
    assert raw.rescued_to is not None
    assert rescue in raw.rescued_to.parents
    assert [same_bits(volume, a_volume(3)) for volume in read_raw(raw.rescued_to).read()] == [True]


def test_a_disk_that_fails_while_compressing_leaves_the_uncompressed_file(tmp_path, monkeypatch):
    with RawVolumes(tmp_path / "run_bold.nii", GRID, TR_S) as raw:
        raw.append(a_volume(0))
        monkeypatch.setattr("rtfmri.record.raw.write_whole", _no_space)
        assert raw.finish() == tmp_path / "run_bold.nii"
        assert raw.failed is not None
    assert [same_bits(volume, a_volume(0)) for volume in read_raw(tmp_path / "run_bold.nii").read()] == [True]


def test_a_damaged_file_is_told_and_not_computed_with(tmp_path):
    path = write(tmp_path / "run_bold.nii", [a_volume(index) for index in range(3)])
    packed = bytearray(path.read_bytes())
    packed[-5] ^= 1  # gzip's checksum
    path.write_bytes(packed)
    with pytest.raises(StudyError, match="damaged"):
        list(read_raw(path).read())


def test_a_nifti_from_elsewhere_is_no_record(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((3, 3, 3, 2), dtype=np.float32), np.eye(4)), tmp_path / "run_bold.nii.gz")
    with pytest.raises(StudyError, match="not written by rtfmri"):
        read_raw(tmp_path / "run_bold.nii.gz")


def test_volumes_that_are_not_there_are_told(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_raw(tmp_path / "run_bold.nii.gz")


def test_the_record_holds_no_time_of_day(tmp_path):
    volume = a_volume(0, acquired_s=43_210.125)
    path = write(tmp_path / "run_bold.nii", [volume])
    assert b"43210.125" not in gzip.decompress(path.read_bytes())
    assert next(read_raw(path).read()).acquired_s is None


def _no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _fails_from(first):
    pwrite, calls = os.pwrite, iter(range(1_000))

    def fails(*arguments):
        return pwrite(*arguments) if next(calls) < first else _no_space()

    return fails
