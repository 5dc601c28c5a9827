"""Acquisition: the scanner's files become whole volumes in the order of their numbers; the rest is said to be missing."""
