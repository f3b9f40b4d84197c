"""Datasets: from files as they are found to TFRecord."""
