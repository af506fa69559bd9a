"""Many varied clips of the words of a few recordings, judged and written as they come."""

from scoresubnet.expansion.run import Expanded, Expansion

__all__ = ["Expanded", "Expansion"]
