"""How many windows a stream of tokens gives."""


def windows_per_epoch(num_tokens: int, context_length: int) -> int:
    """Number of training windows in one pass over `num_tokens` tokens."""
    return max(0, (num_tokens - 1) // context_length)
