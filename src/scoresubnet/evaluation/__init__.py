"""Evaluation of generators, in figures that others can repeat."""
