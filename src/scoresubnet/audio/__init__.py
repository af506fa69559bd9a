"""Audio: files and the log-Mel front end."""

SAMPLE_RATE = 16_000  # hertz
