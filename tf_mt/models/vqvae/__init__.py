"""Three-level VQ-VAE of raw audio, and ways to change its features."""
