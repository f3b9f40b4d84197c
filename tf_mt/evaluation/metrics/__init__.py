"""Metrics: pure functions of NumPy arrays."""
