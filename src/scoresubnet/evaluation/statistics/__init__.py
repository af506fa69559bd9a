"""Statistics of sets of clips, as plain functions of arrays, and their intervals."""
