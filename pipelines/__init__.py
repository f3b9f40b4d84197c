"""Conversion of public datasets, scores and own recordings to TFDS datasets."""
