"""What other programs' JSON files hold, as far as it is read here; everything else in them is passed over."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, StrictBool, StrictInt, StrictStr

from tf_gpt2.config import MAX_VOCABULARY_SIZE
from tf_gpt2.schemas import Absent, Schema

# Ids become places in tables, so a single one decides how much memory is taken.
TokenId = Annotated[StrictInt, Field(ge=0, lt=MAX_VOCABULARY_SIZE)]


class _Foreign(Schema):
    model_config = pydantic.ConfigDict(
        strict=True, extra="ignore", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


class HuggingFaceConfig(_Foreign):
    """config.json of transformers' GPT2Config; ranges are GPT2Config's here."""

    model_type: StrictStr = "gpt2"
    activation_function: StrictStr = "gelu_new"
    scale_attn_weights: StrictBool = True
    scale_attn_by_inverse_layer_idx: StrictBool = False
    add_cross_attention: StrictBool = False
    vocab_size: StrictInt
    n_positions: Absent[StrictInt] = None
    n_ctx: StrictInt | None = None
    n_layer: StrictInt
    n_head: StrictInt
    n_embd: StrictInt
    n_inner: StrictInt | None = None
    resid_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    tie_word_embeddings: StrictBool = True


class ShardIndex(_Foreign):
    """model.safetensors.index.json: files by tensor."""

    weight_map: dict[StrictStr, StrictStr]


class HParams(_Foreign):
    """hparams.json of openai/gpt-2; what is left out is as in the 124M model."""

    n_vocab: StrictInt
    n_ctx: StrictInt = 1024
    n_layer: StrictInt = 12
    n_head: StrictInt = 12
    n_embd: StrictInt = 768


class BackboneFields(_Foreign):
    """The arguments of KerasHub's GPT2Backbone."""

    vocabulary_size: StrictInt
    max_sequence_length: StrictInt
    num_layers: StrictInt
    num_heads: StrictInt
    hidden_dim: StrictInt
    intermediate_dim: StrictInt
    dropout: float


class Backbone(_Foreign):
    """config.json of a KerasHub preset."""

    class_name: Literal["GPT2Backbone"]
    config: BackboneFields


class Vocabulary(pydantic.RootModel[dict[str, TokenId]]):
    """vocab.json and its like: ids by token."""


class TokenizerModel(_Foreign):
    """Section `model` of tokenizer.json: ids by token, or pairs of token and score in their order (Unigram)."""

    vocab: dict[str, TokenId] | Annotated[list[Any], Field(max_length=MAX_VOCABULARY_SIZE)]


class AddedToken(_Foreign):
    """One of tokenizer.json's tokens beside the model's."""

    id: TokenId
    content: StrictStr


class TokenizerFile(_Foreign):
    """tokenizer.json of the `tokenizers` library, which checks what else it holds."""

    model: TokenizerModel
    added_tokens: list[AddedToken] = []


class Named(_Foreign):
    """A special token that is written as an object."""

    content: StrictStr


class TokenizerSettings(_Foreign):
    """What config.json, tokenizer_config.json and special_tokens_map.json say of a tokenizer."""

    eos_token: StrictStr | Named | None = None
    do_lower_case: StrictBool | None = None
    strip_accents: StrictBool | None = None
    tokenize_chinese_chars: StrictBool | None = None
    add_prefix_space: StrictBool | None = None
