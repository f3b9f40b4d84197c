"""WaveNet autoencoders: a shared encoder, and a WaveNet decoder for each domain."""
