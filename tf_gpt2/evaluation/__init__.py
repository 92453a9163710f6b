"""How good a model is: its loss on a corpus, and the baseline that it must beat."""
