"""The peers, run with the interpreter of their own environment; nothing of the product is imported here."""
