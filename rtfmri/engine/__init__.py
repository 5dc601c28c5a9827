"""The engine: one run from arm to its single run_stop, live or in replay; the session that opens runs."""
