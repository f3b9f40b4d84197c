"""VAE-GAN: one encoder, a generator and a discriminator for each domain."""
