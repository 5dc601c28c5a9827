"""ZeroMQ: what the engine tells everybody, what a listener may ask, and what displays and the operator say back."""
