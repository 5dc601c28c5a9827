"""The record of a run: everything that is needed to compute it again, on disk before anybody hears of it."""
