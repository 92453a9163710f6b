"""The golden trace: what Keras computes with the bundle's weights, so that every browser can check itself."""

import base64

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.tokenizer import Tokenizer

PROMPT = "却说曹操引兵"
MAX_PROMPT_TOKENS = 16
GREEDY_TOKENS = 16
# Where the two likeliest tokens are closer than this, rounding decides between them: the trace ends before.
CLEAR_LEAD = 1e-2


def golden_trace(config: GPT2Config, weights: dict[str, np.ndarray], tokenizer: Tokenizer) -> dict:
    """Runs the Keras model on a short prompt.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name, as the bundle's reader will have them.
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`.

    Returns:
        {"prompt", "prompt_ids", "logits", "greedy_ids"}: logits [V] after the prompt, little-endian float32 in
        base64, and the likeliest tokens that follow, one by one.
    """
    from tf_gpt2 import runtime

    runtime.load_tensorflow()
    from tf_gpt2.model import build_model
    from tf_gpt2.model_directory import assign_weights

    model = build_model(config)
    assign_weights(model, config, weights)
    prompt, ids = _prompt(tokenizer, min(MAX_PROMPT_TOKENS, max(1, config.context_length // 2)))
    first = np.zeros(0, np.float32)
    greedy: list[int] = []
    while len(greedy) < GREEDY_TOKENS and len(ids) + len(greedy) <= config.context_length:
        sequence = np.array([ids + greedy], np.int32)
        logits = np.asarray(model(sequence, training=False))[0, -1, : tokenizer.vocab_size]  # [V]
        first = first if greedy else logits
        if logits.size > 1 and np.ptp(np.sort(logits)[-2:]) < CLEAR_LEAD:
            break
        greedy.append(int(logits.argmax()))
    encoded = base64.b64encode(first.astype("<f4").tobytes()).decode()
    return {"prompt": prompt, "prompt_ids": ids, "logits": encoded, "greedy_ids": greedy}


def _prompt(tokenizer, limit):
    prompt = PROMPT
    while len(prompt) > 1 and len(tokenizer.encode(prompt)) > limit:
        prompt = prompt[:-1]
    return prompt, [int(i) for i in tokenizer.encode(prompt)][:limit]
