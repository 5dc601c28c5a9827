"""What a run's signal needs beside the study and the blocks, read by others before the run: plain arrays, checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.signals.components import Components
from rtfmri.signals.measures.decoder import Decoder
from rtfmri.volume import Array


@dataclass(frozen=True, eq=False)
class SignalInputs:
    """``regressors`` (N volumes, R): the user's table, as it stands in the file."""

    regressors: Array | None = None
    physiology_columns: int = 0  # how many come with each volume
    components: Mapping[str, Components] = field(default_factory=dict)  # of an earlier run, by tissue; else learned from the first rest
    decoder: Decoder | None = None
    control_weights: tuple[float, ...] = ()  # of the control combination, by region; empty: none is computed


def checked_regressors(table: Array | None, volumes: int) -> Array:
    """The user's regressors column by column, (R, N).

    Raises
    ------
    StudyError : the table has not one row for each planned volume, or holds what is no number.
    """
    if table is None:
        return np.zeros((0, volumes))
    if table.ndim != 2 or len(table) != volumes:
        raise StudyError(
            f"signal.regressors: the table has {len(table)} rows below its head line and the run has {volumes} volumes, dummies included; "
            "give one row for each volume."
        )
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = (int(number) + 1 for number in bad[0])
        raise StudyError(
            f"signal.regressors: row {row}, column {column} is no number ({len(bad)} such places); "
            "fill every place, with 0 where nothing was."
        )
    return np.ascontiguousarray(table.T, dtype=np.float64)
