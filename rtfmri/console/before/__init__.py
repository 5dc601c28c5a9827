"""The parts of the page before the run."""
