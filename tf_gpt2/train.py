"""Trains a GPT-2 on novels.

    python -m tf_gpt2.train --corpus=novels/ --run_dir=runs/mine

With no flags at all it trains the demo preset on the sample corpus for about four minutes.
"""

import logging
from collections.abc import Sequence

from tf_gpt2 import command, text_flags
from tf_gpt2.training import recipes
from tf_gpt2.training.effort import EFFORTS, EVENING_MINUTES
from tf_gpt2.training.memory import REMAT
from tf_gpt2.training.options import DEFAULT_PRESET, PRESET_CHOICES, TrainingOptions
from tf_gpt2.training.settings import AUTO, OPTIMIZERS, PRECISIONS
from tf_gpt2.training.sizes import FEW_CHARACTERS

DEFAULTS = TrainingOptions()


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _train)


def _train(flags: command.Values) -> int:
    options = flags.pick(*TrainingOptions.__dataclass_fields__)
    TrainingOptions(**options)  # mistakes show before a text is read
    from tf_gpt2.training.run import preflight, train_model

    if flags.dry_run:
        table = preflight(flags.corpus, flags.run_dir, by_xla=True, **options).table()
        logging.getLogger("tf_gpt2").info(table)  # as training's own log: with flags for the library's arguments
        return 0
    train_model(flags.corpus, flags.run_dir, **options)
    return 0


def _flags() -> command.Flags:
    flags = command.Flags(
        "tf_gpt2.train", __doc__ or "", aliases={"source": "init_from", "tokenizer_kind": "tokenizer"}
    )
    flags.group("The usual flags")
    text_flags.declare_corpus(flags)
    flags.choice(
        "preset",
        None,
        PRESET_CHOICES,
        "Shape of the model. demo: 2 M parameters, minutes on a laptop; evening: 4 M, an hour; auto: which of them "
        "serves so many characters and --effort best; jinyong: 82 M parameters; gpt2 and larger: OpenAI's. "
        f"From jinyong up you want a GPU. Default: {DEFAULT_PRESET}, and auto with an --effort that is not quick.",
    )
    flags.choice(
        "effort",
        None,
        EFFORTS,
        f"quick: as long as the preset says; evening: {EVENING_MINUTES:g} minutes; thorough: trainings of as many, "
        "each taught by the one before as well as by the text, while the held-out loss falls. --minutes, --epochs "
        "or --steps give another length. Default: quick.",
    )
    flags.string(
        "run_dir", "runs/demo", "Directory for everything the run leaves: model, checkpoints, metrics.", value="DIR"
    )
    flags.number(
        "minutes",
        None,
        "About how long to train; the step is timed first. Default: "
        f"{' and '.join(f'{minutes:g} for {preset}' for preset, minutes in recipes.MINUTES.items())}.",
    )
    flags.number(
        "epochs",
        None,
        f"Instead of --minutes: passes over the training text. Default: {recipes.DEFAULT_EPOCHS:g}, except for "
        f"{' and '.join(recipes.MINUTES)}.",
    )
    flags.integer("steps", None, "Instead of --minutes: number of training steps; of a run that goes on, in all.")
    text_flags.declare_tokenizer(flags)
    flags.boolean(
        "dry_run",
        False,
        "Say what would be trained, how long, in how much memory and disk, and what may go wrong; then stop.",
    )
    flags.boolean(
        "resume",
        DEFAULTS.resume,
        "Go on where the run in --run_dir stopped, if it has the same configuration; more --steps, --epochs or "
        "--minutes lengthen it.",
    )
    flags.integer("seed", DEFAULTS.seed, "Fixes initial weights, order of the text, dropout and samples.")
    _flags_of_fine_tuning(flags)
    text_flags.declare_reading(flags)
    _flags_of_recipe(flags)
    _flags_of_device(flags)
    _flags_of_shape(flags)
    _flags_of_reports(flags)
    return flags


def _flags_of_fine_tuning(flags: command.Flags) -> None:
    flags.group("Other models")
    flags.string(
        "init_from",
        None,
        "Model to fine-tune, tokenizer included, instead of starting from random weights: a run directory, a "
        "Hugging Face GPT-2, OpenAI's or gpt-2-simple's checkpoint folder, a KerasHub preset, or a name as "
        "gpt2_base_en.",
        value="DIR",
    )
    flags.strings(
        "distill_from",
        None,
        "Learn from these models too, run directories of the same texts and tokenizer flags: from the mean of "
        "what they expect at each place of the text.",
        value="RUN_DIR,...",
    )
    flags.integer("freeze_layers", DEFAULTS.freeze_layers, "How many of the lowest blocks stay fixed.", least=0)
    flags.boolean(
        "freeze_embeddings", DEFAULTS.freeze_embeddings, "Token and position embeddings stay as they are."
    )


def _flags_of_recipe(flags: command.Flags) -> None:
    flags.group("Recipe")
    flags.integer("batch_size", None, "Sequences a step. Default: the preset's.", least=1)
    flags.choice(
        "optimizer",
        DEFAULTS.optimizer,
        OPTIMIZERS,
        "muon reaches a lower loss in the same time; adamw is the classic.",
    )
    flags.number(
        "learning_rate",
        None,
        "Peak learning rate; muon's embeddings may have twice as much. Default: fit for preset and optimizer.",
    )
    flags.integer(
        "warmup_steps",
        None,
        "Steps of linear rise of the learning rate. Default: a twentieth of all, at most 500.",
        least=0,
    )
    flags.number(
        "weight_decay",
        None,
        "Decoupled weight decay of matrices; muon's embeddings have twice as much. Default: more the more passes "
        f"over the text, from {recipes.LEAST_WEIGHT_DECAY:g} on; {recipes.LEAST_WEIGHT_DECAY:g} with adamw or when "
        "fine-tuning.",
    )
    flags.number(
        "multi_token_share",
        None,
        "Learn the token after the next one too, by a head that is left out of the model: what its loss counts "
        f"beside the next one's. Default: {recipes.MULTI_TOKEN_SHARE:g} with --effort=evening, and of thorough "
        f"the first training, up to {FEW_CHARACTERS / 1e6:g} million characters; else 0.",
    )
    flags.boolean(
        "average",
        DEFAULTS.average,
        "Keep an average of the weights beside them; at each validation the better of both is taken. Worth most "
        "for a run that is stopped early.",
    )
    flags.number("clip_norm", DEFAULTS.clip_norm, "Gradients with a larger global norm are scaled down to it.")


def _flags_of_device(flags: command.Flags) -> None:
    flags.group("Devices, memory and precision")
    flags.integer(
        "accumulation_steps",
        DEFAULTS.accumulation_steps,
        "Compute each batch in so many parts, to need less memory; where memory does not suffice, more are taken.",
        least=1,
    )
    flags.choice(
        "remat",
        DEFAULTS.remat,
        REMAT,
        "Compute again what the gradient needs instead of keeping it, for up to a third more time: blocks takes a "
        "third of the memory; full is for deep models.",
    )
    flags.choice(
        "precision",
        DEFAULTS.precision,
        (AUTO, *PRECISIONS),
        "What layers multiply in. auto: bfloat16 on GPUs that have it, float16 on older ones, float32 on a CPU.",
    )
    flags.integer(
        "devices",
        None,
        "GPUs that train together, each on its share of the batch. Default: all. Without GPUs: parts of the CPU.",
        least=1,
    )
    flags.number(
        "wait_for_workers",
        DEFAULTS.wait_for_workers,
        "Seconds to wait for the other machines that TF_CONFIG or SLURM names (docs/cluster.md).",
    )


def _flags_of_shape(flags: command.Flags) -> None:
    flags.group("Shape of the model, where it should differ from the preset's")
    flags.integer("context_length", None, "Tokens the model sees at once.")
    flags.integer("num_layers", None, "Transformer blocks.")
    flags.integer("num_heads", None, "Attention heads a block.")
    flags.integer("hidden_dim", None, "Width of the model.")
    flags.number("dropout", None, "Share of activations dropped in training.")


def _flags_of_reports(flags: command.Flags) -> None:
    flags.group("Reports")
    flags.integer("log_every", DEFAULTS.log_every, "Steps between lines of metrics.jsonl.")
    flags.integer(
        "eval_every",
        None,
        "Steps between validations; the best model is kept. Default: a tenth of all, at least 10.",
    )
    flags.integer(
        "sample_every",
        None,
        "Steps between written samples, 0 for none. Default: a quarter of all, at least 10; 100 when fine-tuning.",
    )
    flags.string(
        "sample_prompt", DEFAULTS.sample_prompt, "Beginning of the written samples, and of those of --originality."
    )
    flags.boolean(
        "originality",
        DEFAULTS.originality,
        "Measure at each validation what the model copies from the training text.",
    )
    flags.number(
        "stop_when_copying",
        DEFAULTS.stop_when_copying,
        "End the training when more than this share of what the model writes is copied, 0.1 say.",
    )
    flags.integer(
        "patience",
        DEFAULTS.patience,
        "End the training after so many validations in a row without a better loss.",
        least=1,
    )
    flags.integer(
        "rollbacks",
        DEFAULTS.rollbacks,
        "How often at one place to go back to the last good checkpoint from a loss that rises far or is not "
        "finite, and leave that text out; 0 never.",
        least=0,
    )
    flags.integer(
        "checkpoint_every",
        None,
        "Steps between checkpoints, what --resume needs. Default: a tenth of all, at most 1000.",
    )
    flags.integer("keep_checkpoints", DEFAULTS.keep_checkpoints, "Number of newest checkpoints that stay.")


if __name__ == "__main__":
    command.run(main)
