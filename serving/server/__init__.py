"""The embedded server: TensorFlow Serving's API on one machine."""
