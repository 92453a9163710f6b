"""The bundle that the page loads: weights as it stores them, tokenizer, and what the page says about the model."""
