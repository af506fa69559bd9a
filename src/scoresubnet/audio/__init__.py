"""Audio: files, the log-Mel front end, and vocoders."""
