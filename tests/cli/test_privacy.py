"""Who was scanned stays in the scanner's files: a whole session with identities in every kind of text, and a search of all that it leaves.

Names of protocols and series are the lab's own words and are shown to the operator; they hold no identity here.
"""

from __future__ import annotations

import copy
import gzip
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import AE

from rtfmri.messages import RunStop
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import rendered_files
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports, free_base
from rtfmri.stream.subscriber import Subscriber

Cli = Any
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
WITHIN_S = 60.0
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
PRIVATE = 0x00110000

# A value of each text VR (PS3.5, table 6.2-1) that is found nowhere else, and the standard elements that carry it.
SECRETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "PN": ("Zwickl^Hieronyma", ("PatientName", "ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName", "OtherPatientNames")),
    "LO": (
        "MRN-Qx47110815",
        ("PatientID", "InstitutionName", "IssuerOfPatientID", "StudyDescription", "DeviceSerialNumber", "OtherPatientIDs"),
    ),
    "SH": ("ACC-Qx9931", ("AccessionNumber", "StationName", "StudyID")),
    "DA": ("19470711", ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")),
    "TM": ("035917.471100", ("PatientBirthTime", "StudyTime", "SeriesTime", "ContentTime")),
    "AS": ("079Y", ("PatientAge",)),
    "CS": ("QXSECRETCODE", ("PatientSex", "BodyPartExamined", "PatientPosition")),
    "DS": ("93.47110815", ("PatientWeight", "PatientSize")),
    "IS": ("1947110815", ("ReferencedFrameNumber",)),
    "LT": ("cousin of the Qx mayor", ("PatientComments", "AdditionalPatientHistory")),
    "ST": ("Qx street 12, Lucerne", ("InstitutionAddress",)),
    "UT": ("a long Qx story", ("TextValue",)),
    "UC": ("Qx unlimited characters", ("LongCodeValue",)),
    "UR": ("http://qx.example/zwickl", ("RetrieveURL",)),
    "UI": ("1.2.826.4711.815.1947", ("StudyInstanceUID", "FrameOfReferenceUID", "DeviceUID")),
    "AE": ("QXSTATION", ("RetrieveAETitle", "ScheduledStationAETitle")),
    "DT": ("19470711035918", ("FrameReferenceDateTime",)),
}
SERIES_UID = "1.2.826.4711.815.1948"
WORDS = sorted({word for word, _ in SECRETS.values()} | {SERIES_UID, "Zwickl", "Hieronyma", "Rosalinde-Qx"})


def with_identities(path: Path) -> Dataset:
    """The file, with every word of ``SECRETS`` in its own elements, in private ones, and in sequences two deep."""
    found = dcmread(path)
    kept = {keyword: found[keyword].value for keyword in ("SOPInstanceUID", "SeriesInstanceUID") if keyword in found}
    inner, outer = Dataset(), Dataset()
    for place in (found, inner, outer):
        for number, (kind, (word, keywords)) in enumerate(SECRETS.items()):
            for keyword in keywords:
                setattr(place, keyword, word)
            place.add_new(PRIVATE + 0x10, "LO", "QX SECRETS")
            place.add_new(PRIVATE + 0x1000 + number, kind, word)
    found.PatientName = "Zwickl^Hieronyma=\u00d8str\u00f6m^Rosalinde-Qx"
    found.SpecificCharacterSet = "ISO_IR 192"
    outer.ReferencedPatientSequence = Sequence([inner])
    found.RequestAttributesSequence, found.OtherPatientIDsSequence = Sequence([outer]), Sequence([outer])
    found.add_new(PRIVATE + 0x10FF, "SQ", Sequence([outer]))
    found.SOPInstanceUID, found.SeriesInstanceUID = f"{SERIES_UID}.{kept['SOPInstanceUID'].split('.')[-1]}", SERIES_UID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.file_meta.SourceApplicationEntityTitle = "QXSTATION"
    found.preamble = b"Zwickl^Hieronyma".ljust(128, b"\0")
    return found


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file as they lie there, and what is packed in them."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".gz":
        yield gzip.decompress(data)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def told(*folders: Path, words: list[str] = WORDS, said: str = "") -> dict[str, str]:
    """Which words are found, and where: in names and contents of all files below ``folders``, or in what was ``said``."""
    places = [("said", said.encode())]
    for path in (path for folder in folders for path in folder.rglob("*")):
        places.append((f"the name of {path}", path.name.encode()))
        places += [(str(path), data) for data in contents(path)] if path.is_file() else []
    return {word: place for place, data in places for word in words if word.encode() in data}


@dataclass
class Evening:
    """What a session left: folders, and everything that was said on terminals and on the wire."""

    export: Path
    out: Path
    said: list[str] = field(default_factory=list)
    stop: RunStop | None = None

    def say(self, done: Any) -> Any:
        self.said += [done.stdout, done.stderr, " ".join(map(str, done.args))]
        return done


@pytest.fixture(scope="module")
def evening(small_run: Rendering, tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Evening:
    """A run of which half comes as files and half over the network, with every mishap that makes the engine speak; then its replays."""
    base = tmp_path_factory.mktemp("evening")
    evening = Evening(base / "export", base / "out")
    evening.export.mkdir()
    files = [with_identities(path) for path in rendered_files(small_run.folder)]
    live(evening, files, base / "live.log")
    evening.say(cli("replay", evening.out, "--verify"))
    evening.say(cli("replay", evening.export, "--study", SMALL, "--out", base / "out" / "again"))
    evening.say(cli("inspect", evening.export, "--study", SMALL))
    evening.say(cli("inspect", evening.export, "--json"))
    evening.say(cli("inspect", evening.export, "--series", str(files[0].SeriesNumber), "--nifti", base / "out" / "bold.nii.gz"))
    return evening


def live(evening: Evening, files: list[Dataset], log: Path) -> None:
    ports, listen = Ports("127.0.0.1", free_base()), free_base()
    command = [sys.executable, "-m", "rtfmri", "run", str(SMALL), "--watch", str(evening.export), "--listen", str(listen), "--sub", "07"]
    command += ["--run", "1", "--once", "--out", str(evening.out), "--port", str(ports.base), "--listen-address", "127.0.0.1"]
    with open(log, "w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            wait_until_armed(ports, process)
            with Subscriber(ports.messages) as subscriber:
                mishaps(evening.export, files)
                for number, file in enumerate(files[:32], start=1):
                    file.save_as(evening.export / f"{number}.dcm")
                send(listen, files[32:])
                end_s = time.monotonic() + WITHIN_S
                while evening.stop is None and time.monotonic() < end_s:
                    for envelope in subscriber.receive(0.1):
                        evening.said.append(envelope.model_dump_json())
                        evening.stop = envelope.message if isinstance(envelope.message, RunStop) else evening.stop
            process.wait(WITHIN_S)
        finally:
            process.kill()
    evening.said.append(log.read_text())


def wait_until_armed(ports: Ports, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s and process.poll() is None:
        try:
            if ask(ports, Command(action="status"), 0.5).state == "armed":
                return
        except Exception:
            time.sleep(0.05)
    pytest.fail("the session does not come up")


def mishaps(folder: Path, files: list[Dataset]) -> None:
    """A file cut short, one of no use, one that is no image, another series, the same volume with other pixels."""
    files[0].save_as(folder / "cut.dcm")
    (folder / "cut.dcm").write_bytes((folder / "cut.dcm").read_bytes()[:-5000])
    (folder / "letter.txt").write_text("Dear Doctor" * 100)
    for name, changes in (
        ("report.dcm", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"}),
        ("scout.dcm", {"SeriesNumber": 1, "ProtocolName": "scout", "SeriesDescription": "scout", "SeriesInstanceUID": SERIES_UID + ".1"}),
        ("broken.dcm", {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0], "SOPInstanceUID": SERIES_UID + ".9"}),
    ):
        changed = copy.deepcopy(files[1])
        for keyword, value in changes.items():
            setattr(changed, keyword, value)
        changed.save_as(folder / name)


def send(port: int, files: list[Dataset]) -> None:
    for title, called in (("STRANGER", "WRONG"), ("SCANNER", "RTFMRI")):
        client = AE(title)
        client.add_requested_context(MR_IMAGE, files[0].file_meta.TransferSyntaxUID)
        association = client.associate("127.0.0.1", port, ae_title=called)
        if called == "RTFMRI":
            assert [association.send_c_store(file).Status for file in files] == [0x0000] * len(files)
            association.release()


def test_the_search_finds_every_word_in_what_the_scanner_wrote(evening: Evening) -> None:
    assert sorted(told(evening.export)) == WORDS


def test_the_session_came_to_its_end_and_spoke_of_every_mishap(evening: Evening) -> None:
    assert evening.stop is not None
    assert evening.stop.exit_status == "completed"
    assert (evening.stop.counts["published"], evening.stop.counts["missing"]) == (64, 1), "the one that is broken"
    said = "".join(evening.said)
    for word in ("cut.dcm", "letter.txt", "report.dcm", "scout", "STRANGER", "bit-identical"):
        assert word in said, word


def test_no_word_of_who_was_scanned_is_said_or_written(evening: Evening) -> None:
    assert told(evening.out, said="".join(evening.said)) == {}


def test_the_listener_writes_nothing_but_the_record(evening: Evening) -> None:
    assert not list(evening.out.rglob("*.dcm"))
    assert {path.parent for path in evening.out.parent.iterdir()} == {evening.out.parent}


def test_json_of_inspect_can_be_read(evening: Evening) -> None:
    (text,) = [text for text in evening.said if text.lstrip().startswith("[")]
    assert any(series["protocol"] == "scout" for series in json.loads(text))
