"""Exports of a trained model. Imports tf_gpt2, never the reverse."""
