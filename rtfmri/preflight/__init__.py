"""What must be true before a run."""
