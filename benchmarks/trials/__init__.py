"""Trials of recipes: what is tried on which books, by whom, what came of it, and what follows from that."""
