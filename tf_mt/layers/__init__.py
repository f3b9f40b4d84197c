"""Keras layers, one concept per file."""
