"""The floors that stand beside every score: what can be had without learning."""
