"""Model directories in the formats of other programs, written; tf_gpt2.formats reads them."""
