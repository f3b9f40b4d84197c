"""The dataset `audio_folder`: recordings of the user, a folder for each domain."""
