"""Music translation for TensorFlow: the same music, played by another instrument."""
