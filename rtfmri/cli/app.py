"""All verbs of ``rtfmri``, in the order in which ``--help`` lists them."""

from __future__ import annotations

from rtfmri.cli import live_verbs, practice_verbs, record_verbs
from rtfmri.cli.options import app

VERBS = (live_verbs, practice_verbs, record_verbs)  # each has given its verbs to ``app`` on being imported

__all__ = ["app"]
