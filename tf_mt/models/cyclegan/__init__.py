"""CycleGAN: translation between two instruments by two generators."""
