"""Signal processing without state: files, windows, spectrograms and back."""
