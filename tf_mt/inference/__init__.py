"""Inference: what translates audio, live or exported."""
