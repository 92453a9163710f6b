"""Trains a GPT-2 on novels: python -m tf_gpt2.train --corpus=novels/ --run_dir=runs/mine

With no flags at all it trains the demo preset on the sample corpus for about four minutes.
"""

import dataclasses
import math

from absl import flags

from tf_gpt2 import command, runtime
from tf_gpt2.config import PRESETS, preset_config
from tf_gpt2.errors import UserError
from tf_gpt2.training import recipes
from tf_gpt2.training.settings import OPTIMIZERS, Rhythm, TrainingSettings

FLAGS = flags.FLAGS
flags.DEFINE_list(
    "corpus",
    None,
    "Your texts: files, folders or globs, several with commas (.txt, .epub, .jsonl, "
    ".json). Without it the sample corpus, Romance of the Three Kingdoms, is fetched.",
)
flags.DEFINE_enum(
    "preset",
    "demo",
    list(PRESETS),
    "Shape of the model. demo: 2 M parameters, minutes on a laptop; "
    "jinyong: 82 M parameters; gpt2 and larger: OpenAI's. From jinyong up you want a GPU.",
)
flags.DEFINE_string("run_dir", "runs/demo", "Directory for everything the run leaves: model, checkpoints, metrics.")
flags.DEFINE_string(
    "init_from",
    None,
    "Model to fine-tune, tokenizer included, instead of starting from random weights: a run directory, a Hugging "
    "Face GPT-2, OpenAI's or gpt-2-simple's checkpoint folder, a KerasHub preset, or a name as gpt2_base_en.",
)
flags.DEFINE_bool("resume", True, "Go on where the run in --run_dir stopped, if it has the same configuration.")
flags.DEFINE_integer("seed", 0, "Fixes initial weights, order of the text, dropout and samples.")

flags.DEFINE_integer("steps", None, "Number of training steps.", lower_bound=1)
flags.DEFINE_float(
    "epochs",
    None,
    f"Instead of --steps: passes over the training text. Default {recipes.DEFAULT_EPOCHS:g}, except for demo.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "minutes",
    None,
    "Instead of --steps: about how long to train; the step is timed first. Default "
    f"{recipes.DEMO_MINUTES:g} for demo.",
    lower_bound=0.0,
)
flags.DEFINE_integer("batch_size", None, "Sequences a step. Default: the preset's.", lower_bound=1)
flags.DEFINE_integer("accumulation_steps", 1, "Compute each batch in so many parts, to need less memory.")
flags.DEFINE_enum(
    "optimizer", "muon", list(OPTIMIZERS), "muon reaches a lower loss in the same time; adamw is the classic."
)
flags.DEFINE_float("learning_rate", None, "Peak learning rate. Default: fit for preset and optimizer.")
flags.DEFINE_integer(
    "warmup_steps",
    None,
    "Steps of linear rise of the learning rate. Default: a twentieth of all, at most 500.",
    lower_bound=0,
)
flags.DEFINE_float("weight_decay", 0.1, "Decoupled weight decay of matrices.")
flags.DEFINE_float("clip_norm", 1.0, "Gradients with a larger global norm are scaled down to it.")

flags.DEFINE_integer("context_length", None, "Tokens the model sees at once. Default: the preset's.")
flags.DEFINE_integer("num_layers", None, "Transformer blocks. Default: the preset's.")
flags.DEFINE_integer("num_heads", None, "Attention heads a block. Default: the preset's.")
flags.DEFINE_integer("hidden_dim", None, "Width of the model. Default: the preset's.")
flags.DEFINE_float("dropout", None, "Share of activations dropped in training. Default: the preset's.")
flags.DEFINE_integer("freeze_layers", 0, "Fine-tuning: so many of the lowest blocks stay as they are.")
flags.DEFINE_bool("freeze_embeddings", False, "Fine-tuning: token and position embeddings stay as they are.")

flags.DEFINE_enum(
    "tokenizer",
    "characters",
    ["characters", "bpe"],
    "characters: one token a character, fit for "
    "Chinese; bpe: byte-level pieces learned from your text, fit for alphabets.",
)
flags.DEFINE_integer("vocab_size", 16_000, "Size of the bpe vocabulary.", lower_bound=257)
flags.DEFINE_integer("min_char_count", 3, "Characters seen fewer times are spelled in bytes.", lower_bound=1)
flags.DEFINE_string(
    "encoding", None, "Encoding of the text files, if recognising it went wrong (gb18030, big5, ...)."
)
flags.DEFINE_enum("script", None, ["simplified", "traditional"], "Convert Chinese text to one script.")
flags.DEFINE_float("validation_fraction", 0.05, "Share of every book held out at its end to measure the model on.")

flags.DEFINE_integer("log_every", 10, "Steps between lines of metrics.jsonl.")
flags.DEFINE_integer(
    "eval_every", None, "Steps between validations; the best model is kept. Default: a tenth of all."
)
flags.DEFINE_integer(
    "sample_every",
    None,
    "Steps between written samples, 0 for none. Default: a quarter of all, 100 when fine-tuning.",
)
flags.DEFINE_integer(
    "checkpoint_every",
    None,
    "Steps between checkpoints, what --resume needs. Default: a tenth of all, at most 1000.",
)
flags.DEFINE_integer("keep_checkpoints", 2, "Number of newest checkpoints that stay.")
flags.DEFINE_string("sample_prompt", "", "Beginning of the written samples.")

# Longest corpus for which the bigram baseline is counted at the end, in tokens: it takes memory by the pair.
_BASELINE_TOKENS = 50_000_000


def main(argv) -> int:
    """Trains; returns the exit code."""
    del argv
    _check_flags()
    corpus = _prepare_corpus()
    from tf_gpt2.corpus.report import format_report

    command.message(format_report(corpus.report))
    runtime.prepare_training()
    from tf_gpt2.training.resuming import open_run_directory

    trainer = _build_trainer(corpus)

    def resolve(stored):
        return _resolve(trainer, corpus, stored)

    open_run_directory(FLAGS.run_dir, resolve, resume=FLAGS.resume)
    if trainer.restore():
        if trainer.state.step >= trainer.settings.steps:
            raise UserError(
                f"--run_dir={FLAGS.run_dir} holds a finished run of {trainer.settings.steps} steps; choose another "
                "--run_dir, or fine-tune from it with --init_from"
            )
        command.message(f"going on from step {trainer.state.step:,}")
    try:
        trainer.train()
    except KeyboardInterrupt:
        if trainer.state.step:
            command.message(
                f"stopped at step {trainer.state.step:,}, which is saved; the same command goes on from there"
            )
        raise
    _summarise(trainer, corpus)
    return 0


def _check_flags():
    given = [name for name in ("steps", "epochs", "minutes") if FLAGS[name].value is not None]
    if len(given) > 1:
        raise UserError(f"give one of --steps, --epochs and --minutes; received --{' and --'.join(given)}")
    if FLAGS.init_from is None and (FLAGS.freeze_layers or FLAGS.freeze_embeddings):
        raise UserError("--freeze_layers and --freeze_embeddings need --init_from: random weights must all learn")


def _prepare_corpus():
    from tf_gpt2.data.prepare import prepare_corpus
    from tf_gpt2.tokenizer import Tokenizer

    return prepare_corpus(
        FLAGS.corpus,
        tokenizer_kind=FLAGS.tokenizer,
        vocab_size=FLAGS.vocab_size,
        min_char_count=FLAGS.min_char_count,
        encoding=FLAGS.encoding,
        script=FLAGS.script,
        validation_fraction=FLAGS.validation_fraction,
        tokenizer=Tokenizer.load(FLAGS.init_from) if FLAGS.init_from else None,
    )


def _model_overrides():
    names = ("context_length", "num_layers", "num_heads", "hidden_dim", "dropout")
    return {name: FLAGS[name].value for name in names if FLAGS[name].value is not None}


def _build_model(corpus):
    """The model to start from and its shape: random weights of the preset, or those of --init_from."""
    import keras

    from tf_gpt2.model import build_model

    keras.utils.set_random_seed(FLAGS.seed)
    if FLAGS.init_from:
        return _open_model(corpus)
    config = preset_config(FLAGS.preset, corpus.tokenizer.vocab_size, **_model_overrides())
    return build_model(config), config


def _open_model(corpus):
    """The model of --init_from, of any format, and its shape."""
    from tf_gpt2.model_directory import build_model_from, load_config, load_weights

    overrides = _model_overrides()
    fixed = sorted(set(overrides) - {"dropout"})
    if fixed:
        raise UserError(f"--{fixed[0]} cannot change a model that --init_from opens; leave it out")
    config = dataclasses.replace(load_config(FLAGS.init_from), **overrides)
    if corpus.tokenizer.vocab_size > config.vocabulary_size:
        raise UserError(
            f"--init_from={FLAGS.init_from}: its tokenizer has {corpus.tokenizer.vocab_size} tokens and its "
            f"model only {config.vocabulary_size}; the two do not belong together"
        )
    if not 0 <= FLAGS.freeze_layers <= config.num_layers:
        raise UserError(
            f"--freeze_layers must be from 0 to {config.num_layers}, the layers of --init_from; received "
            f"{FLAGS.freeze_layers}"
        )
    return build_model_from(config, load_weights(FLAGS.init_from, config)), config


def _build_trainer(corpus):
    """A trainer with the recipe of flags and preset; the number of steps is still open."""
    from tf_gpt2.training.loop import Trainer, describe_device
    from tf_gpt2.training.samples import SampleWriter

    model, config = _build_model(corpus)
    fine_tuning = FLAGS.init_from is not None
    settings = TrainingSettings(
        steps=1,
        batch_size=FLAGS.batch_size or _default_batch_size(config),
        accumulation_steps=FLAGS.accumulation_steps,
        optimizer=FLAGS.optimizer,
        learning_rate=FLAGS.learning_rate
        if FLAGS.learning_rate is not None
        else recipes.default_learning_rate(FLAGS.preset, fine_tuning=fine_tuning),
        weight_decay=FLAGS.weight_decay,
        clip_norm=FLAGS.clip_norm,
        seed=FLAGS.seed,
        frozen_layers=FLAGS.freeze_layers,
        freeze_embeddings=FLAGS.freeze_embeddings,
    )
    command.message(
        f"model: {config.num_layers} layers, width {config.hidden_dim}, {config.num_heads} heads, context "
        f"{config.context_length}: {config.num_parameters:,} parameters on {describe_device()}"
    )
    writer = SampleWriter(FLAGS.run_dir, config, corpus.tokenizer, prompt=FLAGS.sample_prompt, seed=FLAGS.seed)
    return Trainer(FLAGS.run_dir, model, config, corpus, settings, Rhythm(), write_sample=writer)


def _default_batch_size(config):
    if FLAGS.init_from is None:
        return recipes.default_batch_size(FLAGS.preset)
    return recipes.fine_tuning_batch_size(config.context_length)


def _resolve(trainer, corpus, stored) -> dict:
    """Settles the number of steps and what depends on it; returns what training.json records."""
    steps = _number_of_steps(trainer, corpus, stored)
    warmup = FLAGS.warmup_steps if FLAGS.warmup_steps is not None else min(500, steps // 20)
    trainer.settings = dataclasses.replace(trainer.settings, steps=steps, warmup_steps=warmup)
    trainer.rhythm = _rhythm(steps)
    return {
        "model": dataclasses.asdict(trainer.config),
        "training": dataclasses.asdict(trainer.settings),
        "corpus": {
            "prepared": corpus.folder.name,
            "books": [book.title for book in corpus.report.books],
            "train_tokens": len(corpus.train_tokens),
            "validation_tokens": len(corpus.validation_tokens),
        },
        "init_from": {"folder": FLAGS.init_from},
    }


def _number_of_steps(trainer, corpus, stored) -> int:
    if FLAGS.steps is not None:
        return FLAGS.steps
    minutes = FLAGS.minutes
    if minutes is None and FLAGS.epochs is None and FLAGS.preset == "demo" and not FLAGS.init_from:
        minutes = recipes.DEMO_MINUTES
    if minutes is not None:
        if stored is not None:  # timed when the run began
            return stored.get("training", {}).get("steps", 1)
        command.message("compiling and timing the training step")
        seconds = trainer.seconds_per_step()
        steps = max(1, round(minutes * 60 / seconds))
        command.message(f"{seconds:.3f} s a step: {steps:,} steps in {minutes:g} minutes")
        return steps
    epochs = recipes.DEFAULT_EPOCHS if FLAGS.epochs is None else FLAGS.epochs
    windows = (len(corpus.train_tokens) - 1) // trainer.config.context_length
    return max(1, math.ceil(epochs * windows / trainer.settings.batch_size))


def _rhythm(steps) -> Rhythm:
    def flag_or(value, default):
        return default if value is None else value

    sample_every = 100 if FLAGS.init_from else max(1, steps // 4)
    return Rhythm(
        log_every=FLAGS.log_every,
        eval_every=flag_or(FLAGS.eval_every, max(1, steps // 10)),
        sample_every=flag_or(FLAGS.sample_every, sample_every),
        checkpoint_every=flag_or(FLAGS.checkpoint_every, max(1, min(1000, steps // 10))),
        keep_checkpoints=FLAGS.keep_checkpoints,
    )


def _summarise(trainer, corpus):
    """Says how good the model became, beside a baseline that knows only pairs of characters."""
    from tf_gpt2.evaluation.bigram import bigram_cross_entropy

    state = trainer.state
    if not math.isfinite(state.best_validation_loss):
        trainer.save_model()
        command.message(f"no validation was asked for; the model is in {FLAGS.run_dir}")
        return
    per_character = (len(corpus.validation_tokens) - 1) / corpus.validation_characters
    command.message(
        f"validation loss {state.best_validation_loss * per_character:.3f} nats per character "
        f"(at step {state.best_step:,}; {state.best_validation_loss:.3f} per token)"
    )
    if len(corpus.train_tokens) <= _BASELINE_TOKENS:
        baseline = bigram_cross_entropy(corpus.train_tokens, corpus.validation_tokens, corpus.tokenizer.vocab_size)
        command.message(f"interpolated bigram on the same split: {baseline * per_character:.3f} nats per character")
    command.message(
        f"the model is in {FLAGS.run_dir}; write with: python -m tf_gpt2.sample --run_dir={FLAGS.run_dir}"
    )


if __name__ == "__main__":
    command.run(main)
