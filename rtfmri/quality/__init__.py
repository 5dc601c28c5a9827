"""Numbers that say how far a volume can be trusted: framewise displacement, DVARS."""
