"""Before a run: reference, brain mask, MNI registration, regions on the native grid, localizer, decoder."""
