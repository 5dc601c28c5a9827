"""One study file (TOML) -> one frozen ``Study``. Every mistake is reported at once, in an operator's words.

Times in seconds (``_s``), lengths in millimetres (``_mm``). Paths in the file are relative to the file. What the file leaves out gets
the default that stands in its section's file; defaults from SCIENCE are advice that a lab may change.
"""

from rtfmri.study.acquisition import Acquisition, SeriesRule
from rtfmri.study.loading import load_series_rule, load_study, load_unready_study, parse_study
from rtfmri.study.signal import BaselineWindow
from rtfmri.study.study import Study

__all__ = ["Acquisition", "BaselineWindow", "SeriesRule", "Study", "load_series_rule", "load_study", "load_unready_study", "parse_study"]
