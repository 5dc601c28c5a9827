"""Which series is the run, and why another is not."""

from __future__ import annotations

from typing import Any

import pytest
from acquisition_files import dataset_of, mosaic_bytes, scan_of, to_bytes

from rtfmri.acquisition.files import read
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.series import SeriesChooser, why_not
from rtfmri.study import SeriesRule

MOCO: dict[str, Any] = {"image_type": ("ORIGINAL", "PRIMARY", "M", "ND", "MOCO", "MOSAIC"), "description": "MoCoSeries"}
LOCALIZER: dict[str, Any] = {"series": 1, "uid": "1.1", "protocol": "localizer", "image_type": ("ORIGINAL", "PRIMARY", "M", "ND")}


def header(**changes: Any) -> Header:
    return read(mosaic_bytes(1, **changes)).header


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
        (SeriesRule(), {"image_type": ("ORIGINAL", "PRIMARY", "M", "ND")}, "not decoded yet"),
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
    wanted, fault = SeriesChooser(rule).judge(header(**LOCALIZER))
    assert not wanted
    assert fault is not None
    assert fault.severity == severity
    assert "series 1 'localizer'" in fault.text


def test_names_are_read_in_any_usual_encoding() -> None:
    for charset, name in (("ISO_IR 192", "Gefühl"), ("ISO_IR 100", "Gefühl")):
        dataset = dataset_of(scan_of(1))
        dataset.SpecificCharacterSet, dataset.ProtocolName = charset, name
        assert read(to_bytes(dataset)).header.protocol == name
