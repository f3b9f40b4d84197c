"""Evaluation of translations: metrics, protocol (cases and baselines), report."""
