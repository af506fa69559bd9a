"""New words on a frozen body, from a few recordings of each."""
