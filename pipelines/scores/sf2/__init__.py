"""SoundFont 2.04: its files, its zones, its samples and its envelopes."""
