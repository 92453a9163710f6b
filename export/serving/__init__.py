"""What a SavedModel for TF Serving consists of: text and tokens, writing and scoring, all inside the graph."""
