"""What is scored, against which baselines, and how."""
