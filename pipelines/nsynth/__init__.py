"""The dataset `nsynth`: single notes of a thousand instruments."""
