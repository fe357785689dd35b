"""How good answers are. The table of measures is in ``table.py``; importing this package loads nothing heavy."""
