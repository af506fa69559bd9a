"""The word classifier that judges clips: its network, and its file."""
