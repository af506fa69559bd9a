"""Runnable recipes: each module makes one table, figure or card."""
