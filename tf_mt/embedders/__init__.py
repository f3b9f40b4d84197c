"""What turns a recording into vectors that are near where it sounds alike."""
