"""Files of weights: where they lie, what they say of themselves, and their tensors."""
