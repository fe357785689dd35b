"""Looks into a model: each answers with figures, plain numbers and words that a report draws."""
