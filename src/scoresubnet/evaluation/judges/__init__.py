"""What hears clips: embeddings, classifiers, recognisers and predictors of quality."""
