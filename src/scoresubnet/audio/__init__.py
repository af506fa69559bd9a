"""Audio: files, the log-Mel front end, pitch and spectra."""

SAMPLE_RATE = 16_000  # hertz
