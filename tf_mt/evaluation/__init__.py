"""Metrics, tables and pictures that judge a translation."""
