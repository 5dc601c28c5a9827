"""A replay is compared bit for bit, and only what time may change is left out."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from record_makers import enveloped, missing_message, published, run_start, run_stop, volume_message

from rtfmri.messages import Motion, RoiReading, Timing
from rtfmri.record.verify import compare

LIVE = enveloped([run_start(), *(m for index in range(4) for m in (volume_message(index), published(index))), run_stop()])


def replaced(index, **changes):
    messages = [volume_message(n, **(changes if n == index else {})) for n in range(4)]
    return enveloped(messages, sent_unix_s=5.0)


def test_the_same_values_are_identical_whatever_the_time():
    later = enveloped([volume_message(index, timing=Timing(arrived_unix_s=7.0, latency_ms={"decode": 99.0})) for index in range(4)], 1.0)
    comparison = compare(LIVE, later)
    assert comparison.identical
    assert comparison.compared == 4
    assert comparison.words == ("All values of all 4 volumes are bit-identical.",)


@given(st.floats(-1e6, 1e6), st.booleans())
def test_one_bit_is_a_difference(value, up):
    neighbour = math.nextafter(value, math.inf if up else -math.inf)
    comparison = compare(replaced(2, regulation=value), replaced(2, regulation=neighbour))
    assert not comparison.identical
    assert comparison.by_field == {"regulation": 1}
    assert (comparison.differences[0].index, comparison.differing_volumes) == (2, 1)


def test_minus_zero_is_another_value():
    assert not compare(replaced(1, regulation=0.0), replaced(1, regulation=-0.0)).identical


def test_differences_are_told_by_their_place():
    again = replaced(
        2,
        validity="held",
        rois={"tpj": RoiReading(raw=802.1, cleaned=799.9, psc=0.2, se=0.06)},
        motion=Motion(trans_mm=(0.1, 0.25, 2 / 7), rot_rad=(0.001, -0.002, 0.003), fd_mm=0.2),
    )
    comparison = compare(LIVE, again)
    assert set(comparison.by_field) == {
        "validity", "motion.trans_mm.1", "rois.tpj.se", "rois.dlpfc.raw", "rois.dlpfc.cleaned", "rois.dlpfc.psc", "rois.dlpfc.se",
    }  # fmt: skip
    assert comparison.words[0] == "1 of 4 volumes differ."
    assert 'volume 2, validity: "ok" in the run, "held" again.' in comparison.words


def test_volumes_of_one_pass_only_are_told():
    comparison = compare(LIVE, enveloped([volume_message(index) for index in (0, 1, 3, 7)]))
    assert (comparison.only_live, comparison.only_again, comparison.identical) == ((2,), (7,), False)
    assert any("only in the run" in sentence for sentence in comparison.words)


def test_a_volume_given_twice_is_a_fault():
    comparison = compare(LIVE, enveloped([volume_message(index) for index in (0, 1, 2, 3, 3)]))
    assert (comparison.repeated, comparison.identical) == ((3,), False)


def test_a_missing_volume_and_one_that_came_differ():
    assert not compare(LIVE, enveloped([volume_message(0), volume_message(1), missing_message(2), volume_message(3)])).identical


def test_nothing_is_not_identical_to_nothing():
    comparison = compare((), ())
    assert not comparison.identical
    assert "nothing to compare" in comparison.words[0]
