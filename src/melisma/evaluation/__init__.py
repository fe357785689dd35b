"""How good a model is: validation while it learns, and evaluation on what it has never seen."""
