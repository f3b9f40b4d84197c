"""Vocoders: what a trained model of log-mel spectrograms may be exported with."""
