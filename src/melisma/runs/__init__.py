"""A run's directory: written so that a crash at any instant loses nothing that was saved, read without trust."""
