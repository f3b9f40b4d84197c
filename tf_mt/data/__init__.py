"""Converted datasets of recordings, and the training batches read from them."""
