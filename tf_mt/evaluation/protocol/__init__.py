"""Test cases, systems and baselines, and how they are scored."""
