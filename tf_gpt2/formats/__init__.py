"""Checkpoints of GPT-2 that other programs wrote: one module a format, one interface for all (detect.py).

A format module has `read_config(folder)` and `open_weights(folder, config)`; vocabularies, which several formats
share, are read by tokenizer_files.py.
"""
