"""Training: trainer, log, run folder, warm start, precision."""
