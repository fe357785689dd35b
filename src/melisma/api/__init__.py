"""The package's verbs: train, resume, load, evaluate. The command has the same ones."""
