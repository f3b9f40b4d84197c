"""Published weights, made into runs."""
