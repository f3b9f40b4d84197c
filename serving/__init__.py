"""Serving: an embedded server and a client of TensorFlow Serving's gRPC API."""
