"""Which series is the run, and why another is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acquisition_files import dataset_of, mosaic_bytes, scan_of, to_bytes

from rtfmri.acquisition.files import read
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.series import SeriesChooser, why_not
from rtfmri.study import SeriesRule

MOCO: dict[str, Any] = {"image_type": ("ORIGINAL", "PRIMARY", "M", "ND", "MOCO", "MOSAIC"), "description": "MoCoSeries"}
SLICES = ("ORIGINAL", "PRIMARY", "M", "ND")


def header(number: int = 1, **changes: Any) -> Header:
    return read(mosaic_bytes(number, **changes)).header


@pytest.mark.parametrize(
    ("rule", "changes", "reason"),
    [
        (SeriesRule(), {}, None),
        (SeriesRule(protocol="bold_nf*"), {}, None),
        (SeriesRule(protocol="BOLD*"), {}, None),
        (SeriesRule(protocol="bold_nf2"), {}, "study names"),
        (SeriesRule(protocol="*run1"), {"description": "my_run1"}, None),
        (SeriesRule(number=7), {"protocol": "", "description": ""}, None),
        (SeriesRule(number=8), {}, "study names"),
        (SeriesRule(), MOCO, "motion-corrected copy"),
        (SeriesRule(moco=True), MOCO, None),
        (SeriesRule(moco=True), {}, "not motion-corrected"),
        (SeriesRule(), {"image_type": ("DERIVED", "PRIMARY", "M", "MOSAIC")}, "derived"),
        (SeriesRule(), {"image_type": ("ORIGINAL", "PRIMARY", "P", "MOSAIC")}, "phase"),
        (SeriesRule(), {"image_type": ("ORIGINAL", "PRIMARY", "M", "DIFFUSION", "MOSAIC")}, "diffusion"),
        (SeriesRule(), {"description": "bold_nf1_SBRef"}, "single-band"),
        (SeriesRule(number=7), {"description": "bold_nf1_SBRef"}, None),
        (SeriesRule(number=7), MOCO, "motion-corrected copy"),
        (SeriesRule(), {"echo": 2}, "echo 2"),
        (SeriesRule(echo=2), {"echo": 2}, None),
        (SeriesRule(echo=2), {}, "echo 1"),
        (SeriesRule(echo_weights=(1.0, 2.0)), {"echo": 2}, None),
        (SeriesRule(echo_weights=(1.0, 2.0)), {"echo": 3}, "echo 3"),
        (SeriesRule(echo_weights=(0.0, 2.0)), {}, "echo 1"),
        (SeriesRule(), {"image_type": SLICES}, None),
    ],
)
def test_a_series_is_the_run_or_there_is_a_reason(rule: SeriesRule, changes: dict[str, Any], reason: str | None) -> None:
    found = why_not(header(**changes), rule)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_the_first_series_that_fits_is_pinned() -> None:
    chooser = SeriesChooser(SeriesRule(protocol="bold*"))
    assert chooser.judge(header()) == (True, None)
    wanted, fault = chooser.judge(header(uid="9.9", series=9))
    assert not wanted
    assert fault is not None
    assert (fault.code, fault.severity) == ("second_series", "warning")
    assert chooser.judge(header(uid="9.9", series=9)) == (False, None)
    assert chooser.judge(header()) == (True, None)


@pytest.mark.parametrize(("rule", "severity"), [(SeriesRule(), "info"), (SeriesRule(number=1), "warning")])
def test_a_kind_that_cannot_be_decoded_is_a_warning_only_where_the_study_asks_for_it(rule: SeriesRule, severity: str) -> None:
    unknown = replace(header(series=1, uid="1.1", protocol="spectra", image_type=SLICES), vendor="ACME", frames=2)
    wanted, fault = SeriesChooser(rule).judge(unknown)
    assert not wanted
    assert fault is not None
    assert fault.severity == severity
    assert "series 1 'spectra'" in fault.text
    assert "ACME" in fault.text


@pytest.mark.parametrize(
    ("rule", "scanning", "epi_factor", "reason"),
    [
        (SeriesRule(), ("GR",), None, "not echo-planar"),
        (SeriesRule(), ("EP", "GR"), None, None),
        (SeriesRule(), (), None, None),
        (SeriesRule(), ("GR",), 43.0, None),  # Philips
        (SeriesRule(), ("GR",), 1.0, "not echo-planar"),
        (SeriesRule(protocol="bold*"), ("GR",), None, None),  # spirals: the operator named it
    ],
)
def test_without_a_name_only_echo_planar_series_are_the_run(
    rule: SeriesRule, scanning: tuple[str, ...], epi_factor: float | None, reason: str | None
) -> None:
    private = {} if epi_factor is None else {"philips_epi_factor": epi_factor}
    found = why_not(replace(header(), scanning=scanning, private=private), rule)
    assert (found is None) if reason is None else (found is not None and reason in found)


def siemens(number: int, series: int, uid: str, at_s: float) -> Header:
    """A slice of an XA export: acquisition ``number`` of ``series``."""
    found = header(number, series=series, uid=uid, image_type=SLICES)
    return replace(found, study_uid="1.9", acquired_s=at_s, instance_number=1)


def test_a_run_whose_volumes_are_series_of_their_own_is_one_run() -> None:
    chooser = SeriesChooser(SeriesRule(number=7001))
    for number in range(1, 6):
        assert chooser.judge(siemens(number, 7000 + number, f"1.{number}", 100.0 + number)) == (True, None)


def test_a_run_whose_uid_changes_midway_is_one_run() -> None:
    chooser = SeriesChooser(SeriesRule())
    assert chooser.judge(siemens(1, 7, "1.1", 100.0)) == (True, None)
    assert chooser.judge(siemens(30, 7, "1.2", 129.0)) == (True, None)


@pytest.mark.parametrize(("number", "series", "at_s"), [(1, 8, 160.0), (1, 7, 160.0), (3, 9, 160.0)])
def test_a_scan_that_is_started_again_is_recognised_and_left_out(number: int, series: int, at_s: float) -> None:
    chooser = SeriesChooser(SeriesRule())
    chooser.judge(siemens(1, 7, "1.1", 100.0))
    wanted, fault = chooser.judge(siemens(number, series, "1.2", at_s))
    assert not wanted
    assert fault is not None
    assert fault.code == "restarted"
    assert "started anew" in fault.text


def test_all_echoes_of_a_series_are_the_run_where_they_are_combined() -> None:
    chooser = SeriesChooser(SeriesRule(echo_weights=(1.0, 1.0)))
    assert chooser.judge(header(echo=2)) == (True, None)
    assert chooser.judge(header(echo=1)) == (True, None)
    assert not chooser.judge(header(echo=3))[0]
    assert not chooser.judge(header(echo=1, uid="9.9", series=9))[0]


def test_names_are_read_in_any_usual_encoding() -> None:
    for charset, name in (("ISO_IR 192", "Gefühl"), ("ISO_IR 100", "Gefühl")):
        dataset = dataset_of(scan_of(1))
        dataset.SpecificCharacterSet, dataset.ProtocolName = charset, name
        assert read(to_bytes(dataset)).header.protocol == name
