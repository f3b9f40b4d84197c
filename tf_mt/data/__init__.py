"""Stored recordings, and the training batches cut from them."""
