"""What transformers, versions 4 and 5, and what stands on it are told of a tokenizer beside tokenizer.json."""

import json
from typing import Any

import tokenizers

# Without token_type_ids, which GPT2Model adds to its embeddings as if they were tokens.
INPUT_NAMES = ["input_ids", "attention_mask"]


def transformers_settings(
    model: tokenizers.Tokenizer, end_of_text_id: int, context_length: int | None
) -> dict[str, Any]:
    """The content of tokenizer_config.json.

    Args:
        model: The tokenizer.
        end_of_text_id: Id of the token between documents.
        context_length: Longest text of the model in tokens; None leaves it open.
    """
    end = model.id_to_token(end_of_text_id) or ""
    # CTranslate2 and optimum ask for one; a vocabulary without has nothing that it does not know.
    unknown = getattr(model.model, "unk_token", None) or end
    before = json.loads(model.to_str())["pre_tokenizer"]
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": end,
        "eos_token": end,
        "pad_token": end,  # the attention mask hides it, and the model has never learned another
        "unk_token": unknown if model.token_to_id(unknown) is not None else end,
        "padding_side": "left",
        "model_input_names": INPUT_NAMES,
        "clean_up_tokenization_spaces": False,
        # Version 4 overrules tokenizer.json by what this says or does not say.
        "add_prefix_space": bool(before and before.get("add_prefix_space")),
    }
    return settings if context_length is None else {**settings, "model_max_length": context_length}
