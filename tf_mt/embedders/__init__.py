"""Embedders: recordings to vectors, for timbre and Fréchet distances."""
