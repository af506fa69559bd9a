"""Training with Lightning; nothing here is needed to generate."""
