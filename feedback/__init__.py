"""The participant's display: listens to the stream, shows one calm picture, and says what was on the glass when."""
