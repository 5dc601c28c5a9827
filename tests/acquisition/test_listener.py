"""The DICOM listener, spoken to by DCMTK's own clients: what it takes, from whom, and what it says of the rest."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acquisition_files import dataset_of, mosaic_bytes, scan_of, to_bytes
from dicom_post import DEADLINE_S, Listen, associated, files, listeners, needs_dcmtk, sending, storescu
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, CTImageStorage, ExplicitVRBigEndian, JPEG2000Lossless

from rtfmri.acquisition.files import read
from rtfmri.acquisition.listener import DicomListener, Listening, readable_syntaxes
from rtfmri.acquisition.mailbox import Mailbox
from rtfmri.errors import StudyError


@pytest.fixture
def listen() -> Iterator[Listen]:
    with listeners() as start:
        yield start


@needs_dcmtk
def test_an_echo_is_answered(listen: Listen) -> None:
    command = ["echoscu", "-aec", "RTFMRI", "127.0.0.1", str(listen().port)]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0


@needs_dcmtk
def test_what_storescu_sends_comes_whole(listen: Listen, tmp_path: Path) -> None:
    post, folder = listen(), files(tmp_path / "out", 12)
    done = storescu(post, folder)
    assert done.returncode == 0, done.stderr
    images = [read(received.data) for received in post.objects(12)]
    assert sorted(image.header.instance_number for image in images) == list(range(1, 13))
    for image in images:
        sent = read((folder / f"{image.header.instance_number:05d}.dcm").read_bytes())
        assert image.header == sent.header
        np.testing.assert_array_equal(image.pixels(), sent.pixels())
    assert post.received[0].name == "image 1 from STORESCU (127.0.0.1)"


@needs_dcmtk
def test_two_connections_at_once(listen: Listen, tmp_path: Path) -> None:
    post = listen()
    folders = [files(tmp_path / "a", 60), files(tmp_path / "b", 60, series=8, uid="1.2.3.8")]
    with sending(post, folders[0]) as first, sending(post, folders[1]) as second:
        series = [read(received.data).header.series_number for received in post.objects(120)]
        assert (first.wait(DEADLINE_S), second.wait(DEADLINE_S)) == (0, 0)
    assert (series.count(7), series.count(8)) == (60, 60)
    assert len({received.name for received in post.received}) == 120


@needs_dcmtk
@pytest.mark.parametrize("scans", [{"ae_title": "OTHER"}, {"calling_ae_titles": ("MRC1", "MRC2")}])
def test_a_wrong_title_is_refused_and_told(listen: Listen, tmp_path: Path, scans: dict[str, Any]) -> None:
    post, folder = listen(**scans), files(tmp_path / "out", 1)
    done = storescu(post, folder)
    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in done.stderr or "Calling AE Title Not Recognized" in done.stderr
    fault = post.fault("refused_sender")
    assert "STORESCU (127.0.0.1) is refused" in fault.text
    assert post.received == []


@needs_dcmtk
def test_a_listed_title_and_address_is_let_in(listen: Listen, tmp_path: Path) -> None:
    post = listen(calling_ae_titles=("MRC1", "STORESCU"), calling_addresses=("127.0.0.1",))
    assert storescu(post, files(tmp_path / "out", 1)).returncode == 0
    assert len(post.objects(1)) == 1


@needs_dcmtk
def test_an_address_that_is_not_listed_is_refused_and_told(listen: Listen, tmp_path: Path) -> None:
    post = listen(calling_addresses=("192.0.2.1",))
    assert storescu(post, files(tmp_path / "out", 1)).returncode != 0
    assert "127.0.0.1 is refused" in post.fault("refused_sender").text


@needs_dcmtk
def test_a_transfer_syntax_that_nobody_reads_is_refused_in_the_negotiation(listen: Listen, tmp_path: Path) -> None:
    post = listen()
    film = dataset_of(scan_of(1))
    film.PixelData = encapsulate([film.PixelData])
    (tmp_path / "film.dcm").write_bytes(to_bytes(film, MPEG2MPML))
    done = storescu(post, tmp_path / "film.dcm", "--propose-mpeg2")
    assert done.returncode != 0 or "No presentation context" in done.stderr
    assert storescu(post, files(tmp_path / "out", 1)).returncode == 0, "the next is welcome"
    assert [read(received.data).header.instance_number for received in post.objects(1)] == [1]
    assert "MPEG2" in post.fault("refused_syntax").text


@needs_dcmtk
def test_what_is_no_mr_image_is_refused_in_the_negotiation(listen: Listen, tmp_path: Path) -> None:
    post, scan = listen(), dataset_of(scan_of(1))
    scan.SOPClassUID = CTImageStorage
    (tmp_path / "ct.dcm").write_bytes(to_bytes(scan))
    assert storescu(post, tmp_path / "ct.dcm", "--required").returncode != 0
    assert "CT Image Storage" in post.fault("refused_kind").text
    assert [fault.code for fault in post.faults] == ["refused_kind"]


@needs_dcmtk
@pytest.mark.parametrize(
    ("option", "syntax"),
    [("-xe", "1.2.840.10008.1.2.1"), ("-xi", "1.2.840.10008.1.2"), ("-xd", "1.2.840.10008.1.2.1.99")],
)
def test_each_syntax_that_storescu_prefers_gives_the_same_pixels(listen: Listen, tmp_path: Path, option: str, syntax: str) -> None:
    post, folder = listen(), files(tmp_path / "out", 1)
    assert storescu(post, folder, option).returncode == 0
    data = post.objects(1)[0].data
    assert dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == syntax
    image = read(data)
    np.testing.assert_array_equal(image.pixels(), read((folder / "00001.dcm").read_bytes()).pixels())


def test_big_endian_is_accepted_where_nothing_else_is_offered(listen: Listen) -> None:
    post, scan = listen(), dataset_of(scan_of(1))
    scan.PixelData = np.frombuffer(scan.PixelData, "<u2").byteswap().tobytes()
    sent = dcmread(io.BytesIO(to_bytes(scan, ExplicitVRBigEndian, little=False)))
    with associated(post, ExplicitVRBigEndian) as association:
        assert association.send_c_store(sent).Status == 0x0000
    image = read(post.objects(1)[0].data)
    np.testing.assert_array_equal(image.pixels(), read(mosaic_bytes(1)).pixels())


def test_a_port_that_is_taken_is_refused_in_a_sentence(listen: Listen) -> None:
    post = listen()
    with pytest.raises(StudyError, match=f"port {post.port}.*choose another"):
        DicomListener(Listening(post.port, address="127.0.0.1"), Mailbox()).__enter__()


@pytest.mark.parametrize(
    "listening", [Listening(0, ae_title="SEVENTEEN_LETTERS"), Listening(0, calling_ae_titles=("a\\b",)), Listening(0, ae_title="")]
)
def test_a_title_that_is_none_is_refused_in_a_sentence(listening: Listening) -> None:
    with pytest.raises(StudyError, match="1 to 16 characters"):
        DicomListener(listening, Mailbox()).__enter__()


def test_every_syntax_that_is_offered_can_be_decoded() -> None:
    offered = readable_syntaxes()
    assert {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", JPEG2000Lossless} <= set(offered)
    assert MPEG2MPML not in offered
    assert "1.2.840.10008.1.2.4.50" not in offered, "lossy"
    assert len(offered) == len(set(offered))
