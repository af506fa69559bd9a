"""Judges of clips: embeddings, classifiers, recognisers and predictors of quality."""
