"""Signal processing without state: files, windows, STFT, mel, mu-law, Griffin-Lim."""
