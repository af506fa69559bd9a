"""Campaigns against the whole package: generated inputs, and commands that are killed.

    python -m tools.campaigns inputs --count 10000 --seed 0

`inputs` gives the commands and readers odd files, settings and names, and classifies each answer.
`kills` and `batches` kill a command at random moments and give it again: its results must be those
of an uninterrupted one.
"""
