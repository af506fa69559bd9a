"""Recordings: where the clips of each corpus lie, and their cached features."""
