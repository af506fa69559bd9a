"""How good a classifier or a generator is, in figures that others can repeat."""
