"""The range of the next run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.signals.ranges import LARGEST_STEP, MINIMUM_VALUES, adapted_range, localizer_range

VALUES = st.lists(st.floats(-5, 5), min_size=MINIMUM_VALUES, max_size=60)


def test_the_range_is_the_upper_quartile_of_the_size_of_the_values():
    assert localizer_range(np.linspace(-1.0, 0.0, 101)) == pytest.approx(0.75)
    assert localizer_range([0.3] * (MINIMUM_VALUES - 1)) is None
    assert localizer_range([0.0] * MINIMUM_VALUES) is None


@given(st.floats(0.1, 3.0), VALUES)
def test_an_adaptive_range_stays_within_a_factor_of_the_one_before(previous, values):
    after = adapted_range(previous, values)
    assert previous / LARGEST_STEP <= after <= previous * LARGEST_STEP
    found = localizer_range(values)
    if found is not None and previous / LARGEST_STEP < found < previous * LARGEST_STEP:
        assert after == found


def test_a_run_without_values_leaves_the_range_as_it_was():
    assert adapted_range(0.7, []) == 0.7
