"""nanoGPT's recipe (github.com/karpathy/nanoGPT, its train.py and model.py of 2023 to 2025), restated as a rival.

Known of it and kept: matrices and embeddings from N(0, 0.02), those that end a residual branch from
N(0, 0.02 / sqrt(2 layers)); no biases; exact GELU; tied head; AdamW whose decay is for whatever has two axes,
embeddings too; linear warm-up and a cosine down to a tenth; one clip of the global norm; windows drawn with
replacement. Not kept: its estimate of the loss from random windows. Here every held-out token is predicted once, so
that both rivals are read on the same targets.
"""
