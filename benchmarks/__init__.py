"""Measurements of speed and of quality against steps; see docs/benchmarks.md."""
