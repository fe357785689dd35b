"""Text and symbols: cutting into characters, words or subwords, and back."""
