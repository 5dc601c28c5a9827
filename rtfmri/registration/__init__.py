"""Rigid realignment of each volume to one fixed reference: interpolation, mask, estimator."""
