"""The dataset `scores`: MIDI and other scores, synthesised by several instruments."""
