"""What has no effect beside something else is refused, never ignored. Plain values, no TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_gpt2.errors import UserError
from tf_gpt2.training.effort import THOROUGH

if TYPE_CHECKING:
    from tf_gpt2.data.token_files import PreparedCorpus
    from tf_gpt2.training.options import TrainingOptions

SHAPE = ("context_length", "num_layers", "num_heads", "hidden_dim", "dropout")


def refuse_without_effect(options: TrainingOptions) -> None:
    """Looks through what a user asks for.

    Raises:
        UserError: A value would have no effect beside another.
    """
    if options.init_from is None and (options.freeze_layers or options.freeze_embeddings):
        raise UserError("`freeze_layers` and `freeze_embeddings` need `init_from`: random weights must all learn")
    if options.init_from is not None:
        fixed = ("preset", "tokenizer", "vocab_size", "min_char_count", *SHAPE[:-1])
        _refuse(options, fixed, "init_from", "the model that is opened brings its shape and its tokenizer")
    if options.effort == THOROUGH:
        _refuse(options, ("distill_from",), "effort=thorough", "each generation learns from the one before it")
        if not (options.validation_fraction and options.eval_every != 0):
            raise UserError(
                "`effort`=thorough needs validations, by which it decides; give `eval_every` and "
                "`validation_fraction` above 0"
            )
    if options.distill_from is not None and options.multi_token_share:
        _refuse(options, ("multi_token_share",), "distill_from", "teachers answer for the next token alone")
    if options.tokenizer == "bpe":
        _refuse(options, ("min_char_count",), "tokenizer=bpe", "bytes spell everything there")
    elif options.init_from is None:
        _refuse(options, ("vocab_size",), "tokenizer=characters", "every character that is seen often gets an id")
    if options.eval_every and not options.validation_fraction:
        raise UserError(
            "`eval_every` has no effect with `validation_fraction`=0: nothing to measure on; leave one out"
        )
    validates = options.validation_fraction and options.eval_every != 0
    if options.stop_when_copying is not None and not (options.originality and validates):
        raise UserError(
            "`stop_when_copying` has no effect without `originality` and validations, where it is measured; leave "
            "it out, or give `originality`, and `eval_every` and `validation_fraction` above 0"
        )
    if options.patience is not None and not (options.validation_fraction and options.eval_every != 0):
        raise UserError(
            "`patience` has no effect without validations, which it counts; leave it out, or give "
            "`eval_every` and `validation_fraction` above 0"
        )
    if options.average and not (options.validation_fraction and options.eval_every != 0):
        raise UserError(
            "`average` has no effect without validations, which choose between it and the weights; leave it out, "
            "or give `eval_every` and `validation_fraction` above 0"
        )
    probed = options.originality and options.validation_fraction and options.eval_every != 0  # writes from it too
    if options.sample_prompt and options.sample_every == 0 and not probed:
        raise UserError(
            "`sample_prompt` has no effect with `sample_every`=0 where no validation measures `originality`: "
            "nothing is written; leave one of them out"
        )


def refuse_without_texts(options: TrainingOptions, prepared: PreparedCorpus) -> None:
    """Looks whether the texts are here, where stopping depends on them.

    Raises:
        UserError: They are not.
    """
    if options.stop_when_copying is not None and not prepared.has_texts:
        raise UserError(
            "`stop_when_copying` needs the texts, with which it compares what the model writes; those of "
            f"{prepared.folder.name} are elsewhere; copy that folder to this machine, or leave it out"
        )


def _refuse(options, names, beside, reason):
    beside, _, value = beside.partition("=")
    for name in names:
        if getattr(options, name) is not None:
            shown = f"`{beside}`{'=' if value else ''}{value}"
            raise UserError(f"`{name}` has no effect with {shown}: {reason}; leave one of them out")
