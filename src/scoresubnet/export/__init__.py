"""Weights as graphs, for runtimes without torch."""
