"""What a user may ask of a training.

Plain values, no TensorFlow: the command and `tf_gpt2.train_model` share them.
"""

import dataclasses
import os
from typing import Any

from tf_gpt2.config import PRESETS, GPT2Config, preset_config
from tf_gpt2.errors import UserError
from tf_gpt2.training.effort import EFFORTS, QUICK
from tf_gpt2.training.memory import REMAT
from tf_gpt2.training.plan import given, plan_recipe, plan_rhythm, recipe_of
from tf_gpt2.training.ranges import refuse_out_of_range
from tf_gpt2.training.refusals import SHAPE, refuse_without_effect
from tf_gpt2.training.settings import AUTO, PRECISIONS, Schedule

DEFAULT_PRESET = "demo"
PRESET_CHOICES = (AUTO, *PRESETS)
TOKENIZERS = ("characters", "bpe")
_DEFAULT_VOCAB_SIZE = 16_000
_DEFAULT_MIN_CHAR_COUNT = 3


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What a user asks of a training; None leaves the choice to the plan.

    Attributes:
        effort: "quick", a single training, as long as the preset says; "evening", one of an hour; "thorough", one
            after the other, each taught by the one before, while the held-out loss falls; None for "quick".
            `minutes`, `epochs` or `steps` give another length.
        preset: Shape of the model and its recipe, a key of `tf_gpt2.config.PRESETS`; "auto" chooses by the number
            of characters and `effort`, which is what None does beside an effort that is not "quick".
        init_from: Model to fine-tune, tokenizer included: a folder of any format, or a name on a hub.
        distill_from: Models to learn from as well as from the text, run directories with the same tokenizer; None
            for none.
        resume: Go on where the run directory's run stopped, if it has the same configuration.
        seed: Fixes initial weights, order of the text, dropout and samples.
        steps: Number of training steps, of a run that goes on in all.
        epochs: Instead of steps: passes over the training text.
        minutes: Instead of steps: about how long to train; the step is timed first.
        batch_size: Sequences a step.
        accumulation_steps: Parts that each batch is computed in, to need less memory.
        optimizer: "muon" or "adamw".
        learning_rate: Peak learning rate; up to twice as much of a new model's embeddings with "muon".
        warmup_steps: Steps of linear rise of the learning rate.
        weight_decay: Decoupled weight decay of matrices, twice as much of a new model's embeddings with "muon";
            None for one that grows with the passes over the text.
        multi_token_share: Learn the token after the next one too: what its loss counts beside the next one's. None
            leaves it to `tf_gpt2.training.sizes`: 0.3 where few characters are read often, else 0.
        average: Keep an average of the weights beside them, and the better of both at each validation.
        clip_norm: Gradients with a larger global norm are scaled down to it.
        precision: What layers multiply in: "float32", "bfloat16" or "float16"; "auto" takes what the device is made
            for.
        devices: GPUs that train together; None for all. Without GPUs, so many parts of the CPU, to try it.
        wait_for_workers: Seconds to wait for the other processes of a cluster.
        remat: To need less memory, compute again for the gradient: "none", "blocks" (each block from its input) or
            "full" (most of these inputs too).
        context_length: Tokens the model sees at once.
        num_layers: Transformer blocks.
        num_heads: Attention heads a block.
        hidden_dim: Width of the model.
        dropout: Share of activations dropped in training.
        freeze_layers: Fine-tuning: so many of the lowest blocks stay as they are.
        freeze_embeddings: Fine-tuning: token and position embeddings stay as they are.
        tokenizer: "characters" or "bpe".
        vocab_size: Size of the bpe vocabulary.
        min_char_count: Characters seen fewer times are spelled in bytes.
        encoding: Encoding of the text files.
        script: "simplified" or "traditional": converts Chinese text.
        separator: Line that parts the texts of a plain text file; None reads each file as one text.
        text_field: Field or column that holds the text, in .jsonl, .json, .csv and .tsv; None for "text".
        validation_fraction: Share of the text held out to measure the model on: whole texts where there are many,
            the end of every book where there are few.
        test_fraction: Share that no decision reads, for the last report; None for 0.02 from 100,000 characters on.
        split_seed: Which texts are held out, where whole ones are.
        log_every: Steps between lines of metrics.jsonl.
        eval_every: Steps between validations, 0 for none; the best model is kept.
        sample_every: Steps between written samples, 0 for none.
        checkpoint_every: Steps between checkpoints, 0 for none but the last.
        keep_checkpoints: Number of newest checkpoints that stay.
        sample_prompt: Beginning of the written samples, and of what is written to measure what is copied.
        originality: Measure at each validation what the model copies from the training text.
        stop_when_copying: End the training at a validation where more than this share of what the model writes is
            copied, from 0 to 1; None goes on.
        patience: End the training after so many validations in a row without a better loss; None goes on.
        rollbacks: How often at one place the run goes back to the last good checkpoint from a loss that rises far
            or is not finite, and leaves that text out; 0 never.

    Raises:
        UserError: A value is out of range, or one would have no effect beside another.
    """

    effort: str | None = None
    preset: str | None = None
    init_from: str | None = None
    distill_from: tuple[str, ...] | None = None
    resume: bool = True
    seed: int = 0
    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    batch_size: int | None = None
    accumulation_steps: int = 1
    optimizer: str = "muon"
    learning_rate: float | None = None
    warmup_steps: int | None = None
    weight_decay: float | None = None
    multi_token_share: float | None = None
    average: bool = False
    clip_norm: float = 1.0
    precision: str = AUTO
    devices: int | None = None
    wait_for_workers: float = 300.0
    remat: str = REMAT[0]
    context_length: int | None = None
    num_layers: int | None = None
    num_heads: int | None = None
    hidden_dim: int | None = None
    dropout: float | None = None
    freeze_layers: int = 0
    freeze_embeddings: bool = False
    tokenizer: str | None = None
    vocab_size: int | None = None
    min_char_count: int | None = None
    encoding: str | None = None
    script: str | None = None
    separator: str | None = None
    text_field: str | None = None
    validation_fraction: float = 0.05
    test_fraction: float | None = None
    split_seed: int = 0
    log_every: int = 10
    eval_every: int | None = None
    sample_every: int | None = None
    checkpoint_every: int | None = None
    keep_checkpoints: int = 2
    sample_prompt: str = ""
    originality: bool = True
    stop_when_copying: float | None = None
    patience: int | None = None
    rollbacks: int = 3

    def __post_init__(self):
        if self.preset is not None and self.preset not in PRESET_CHOICES:
            raise UserError(f"`preset` must be one of {', '.join(PRESET_CHOICES)}; received {self.preset!r}")
        if self.tokenizer is not None and self.tokenizer not in TOKENIZERS:
            raise UserError(f"`tokenizer` must be one of {', '.join(TOKENIZERS)}; received {self.tokenizer!r}")
        if self.effort is not None and self.effort not in EFFORTS:
            raise UserError(f"`effort` must be one of {', '.join(EFFORTS)}; received {self.effort!r}")
        for name, values in (("precision", (AUTO, *PRECISIONS)), ("remat", REMAT)):
            if getattr(self, name) not in values:
                raise UserError(f"`{name}` must be one of {', '.join(values)}; received {getattr(self, name)!r}")
        object.__setattr__(self, "init_from", _text_of(self.init_from))
        if self.distill_from is not None:
            one = isinstance(self.distill_from, (str, os.PathLike))
            folders = tuple(map(_text_of, (self.distill_from,) if one else self.distill_from))
            object.__setattr__(self, "distill_from", folders)
            if not folders or not all(folders) or len(set(folders)) < len(folders):
                raise UserError(f"`distill_from` must name models, each once; received {self.distill_from!r}")
        refuse_out_of_range(self)
        _check_settings(self)
        refuse_without_effect(self)

    @property
    def vocabulary(self) -> dict:
        """How the corpus gets its tokenizer: arguments of `tf_gpt2.data.prepare.prepare_corpus`."""
        return {
            "tokenizer_kind": self.tokenizer or TOKENIZERS[0],
            "vocab_size": self.vocab_size if self.vocab_size is not None else _DEFAULT_VOCAB_SIZE,
            "min_char_count": self.min_char_count if self.min_char_count is not None else _DEFAULT_MIN_CHAR_COUNT,
        }

    @property
    def preparation(self) -> dict:
        """How the corpus is prepared: arguments of `tf_gpt2.data.request.settings_of`, and of `prepare_corpus`."""
        names = (
            "encoding",
            "script",
            "separator",
            "text_field",
            "validation_fraction",
            "test_fraction",
            "split_seed",
        )
        return self.vocabulary | {name: getattr(self, name) for name in names}

    @property
    def shape_changes(self) -> dict:
        """Fields of `GPT2Config` that the user fixes."""
        return {name: getattr(self, name) for name in SHAPE if getattr(self, name) is not None}

    @property
    def sized_by_corpus(self) -> bool:
        """Whether the preset is still to be chosen, by `tf_gpt2.training.sizes`."""
        if self.preset is None:
            return self.init_from is None and self.effort not in (None, QUICK)
        return self.preset == AUTO

    @property
    def preset_name(self) -> str:
        """The preset in force where no model is opened, when it is chosen."""
        return self.preset or DEFAULT_PRESET

    def shape(self, vocabulary_size: int) -> GPT2Config:
        """The shape of a model with random weights for a vocabulary."""
        return preset_config(self.preset_name, vocabulary_size, **self.shape_changes)


def _check_settings(options: TrainingOptions) -> None:
    """Mistakes show before a text is read: what only text or model decide stands in with a value that is right."""
    recipe_of(options, given(options.batch_size, max(1, options.accumulation_steps)))
    Schedule(given(options.steps, 1), given(options.learning_rate, 1.0), given(options.warmup_steps, 0))
    plan_rhythm(options, 1)
    if options.init_from is None and not options.sized_by_corpus:
        plan_recipe(options, options.shape(1))
        return
    heads = given(options.num_heads, 1)
    stand_in = {"num_heads": heads, "hidden_dim": heads, **options.shape_changes}
    preset_config(DEFAULT_PRESET, 1, **stand_in)


def _text_of(path: Any) -> Any:
    """A path as text, as training.json and chain.json hold it; what is none stays as it is."""
    return os.fspath(path) if isinstance(path, os.PathLike) else path
