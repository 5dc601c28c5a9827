"""What must be true before a run, each thing as a ``Check``: for ``rtfmri check`` and for the operator's page."""
