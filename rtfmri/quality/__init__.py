"""Numbers that say how far a volume can be trusted: displacement, DVARS, spikes, tSNR, ghost; the gate of the feedback."""
