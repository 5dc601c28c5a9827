"""Pulse and breathing as regressors, causal: for a volume only what had come of them when it was computed. Pure."""
