"""Sound as numbers: read, resampled, looked at, turned into frames, and made harder for training."""
