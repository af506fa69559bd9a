"""Audio: files, the log-Mel front end, and vocoders."""

SAMPLE_RATE = 16_000  # hertz
