"""The page during a run, part by part: what it says is worked out in pure functions, what it looks like in ``static/console.css``."""
