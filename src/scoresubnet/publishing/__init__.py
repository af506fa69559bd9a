"""Weights as a repository of the Hugging Face hub: its files, its model card, the upload."""
