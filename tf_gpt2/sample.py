"""Writes text with a trained model.

    python -m tf_gpt2.sample --run_dir=runs/demo --prompt=却说曹操

The text goes to stdout, everything else to stderr. Without --prompt the model begins a document of its own. A
control that is not given is as generation_config.json of the model says, and else as shown below.
"""

import dataclasses
import pathlib
import secrets
from collections.abc import Sequence
from typing import Any

from tf_gpt2 import command
from tf_gpt2.errors import UserError
from tf_gpt2.generation.prompts import Prompt, read_prompts
from tf_gpt2.generation.result_forms import check_form
from tf_gpt2.generation.settings import MAX_SEED, GenerationSettings
from tf_gpt2.interactive import converse

_CONTROLS = tuple(
    field.name for field in dataclasses.fields(GenerationSettings) if field.name != "stop_at_end_of_text"
)
# The generation_config.json of a model that allows any length.
_GENEROUS = {"max_new_tokens": 2**31 - 2}


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _sample)


def _flags() -> command.Flags:
    flags = command.Flags("tf_gpt2.sample", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", None, command.MODEL_HELP, value="DIR")
    flags.string("prompt", "", "Text to write on from; empty lets the model begin.")
    _control(flags.integer, "max_new_tokens", "Longest text, in tokens; may exceed the context.")
    _control(flags.number, "temperature", "Below 1 safer, above 1 bolder; 0 takes the likeliest token.")
    _control(flags.integer, "top_k", "Draw among so many likeliest tokens; 0 for all, 1 for the likeliest.")
    flags.integer("seed", None, "Same seed, same text. Without one, one is drawn and shown.")
    flags.boolean("stream", False, "Show the text while it is being written.")
    flags.boolean("interactive", False, "Ask for prompts in a loop; /help lists the commands there.")
    flags.group("Many texts")
    flags.integer("num_samples", GenerationSettings().num_samples, "Texts to write for each prompt.")
    flags.string(
        "prompts_file",
        None,
        'Many prompts: a text file with one a line, .jsonl with {"prompt": "..."} a line, or .csv or .tsv with a '
        "column prompt. Other fields and columns, labels say, go into the results.",
        value="FILE",
    )
    flags.string(
        "output",
        None,
        "Write the results to this file. .txt: the texts, a blank line between; .jsonl: a JSON object a passage; "
        ".csv and .tsv: a row.",
        value="FILE",
    )
    flags.group("More controls")
    _control(flags.number, "top_p", "Draw among the fewest tokens that together have this probability.")
    _control(flags.number, "repetition_penalty", "Above 1 makes tokens already there rarer.")
    flags.integer(
        "repetition_window",
        GenerationSettings().repetition_window,
        "How many of the last tokens the penalty looks at; 0 for all the model sees.",
    )
    _control(
        flags.integer,
        "no_repeat_ngram",
        "Never write the same sequence of so many tokens twice; 0 for no limit.",
    )
    _control(flags.integer, "min_new_tokens", "Shortest text, in tokens.")
    flags.integer(
        "avoid_copying",
        GenerationSettings().avoid_copying,
        "Write no run of so many characters of the training text; 0 for no limit. Needs the run's corpus in the "
        "cache, or --corpus.",
    )
    flags.boolean("originality", False, "Say what each text has copied from the training text.")
    flags.strings(
        "corpus", [], "Compare with these texts instead of what the run was trained on.", value="PATH,..."
    )
    flags.boolean(
        "finish_sentence",
        GenerationSettings().finish_sentence,
        "Go on past --max_new_tokens to the end of the sentence, by at most 60 tokens.",
    )
    flags.repeated("stop", "End the text before this string; may be given several times.")
    return flags


def _control(declare: Any, name: str, explanation: str) -> None:
    """A control that the model's own settings decide when it is not given, and else the product's."""
    declare(name, None, f"{explanation} Default: the model's, else {getattr(GenerationSettings(), name):g}.")


def _sample(flags: command.Values) -> int:
    _check(flags)
    settings = _settings(flags)
    prompts = read_prompts(flags.prompts_file) if flags.prompts_file else [Prompt(flags.prompt)]
    texts = len(prompts) * settings.num_samples
    if flags.stream and texts > 1:
        raise command.CommandError(
            f"--stream shows one text as it is written, and {texts} are asked for; leave it out"
        )
    from tf_gpt2.generation import load

    model = load(flags.run_dir)
    index = None
    if settings.avoid_copying or flags.originality:
        from tf_gpt2.evaluation.originality_of_model import know_corpus

        index = know_corpus(model, flags.run_dir, flags.corpus or None)
    if flags.interactive:
        return converse(model, settings)
    if settings.seed is None:
        settings = dataclasses.replace(settings, seed=secrets.randbelow(MAX_SEED + 1))
        command.message(f"seed {settings.seed}")
    copied_from = index if flags.originality else None
    if flags.output:
        _write_results(model, prompts, settings, pathlib.Path(flags.output), copied_from)
    elif flags.stream:
        passage = _stream(model, prompts[0].text, settings)
        _show_cut(passage)
        _show_originality(copied_from, passage)
    else:
        _print_passages(model, [prompt.text for prompt in prompts], settings, copied_from)
    return 0


def _check(flags: command.Values) -> None:
    """Refuses flags that others would leave without effect."""
    flags.demand("run_dir", "must name a model directory; received none. `make demo` makes runs/demo")
    flags.refuse(
        "interactive",
        ["prompt", "prompts_file", "output", "stream", "num_samples"],
        "prompts are typed there, each is answered once, and the answer is shown as it is written",
    )
    flags.refuse("prompts_file", ["prompt"], "the prompts are those of the file")
    flags.refuse("output", ["stream"], "the texts go to the file")
    if flags.output:
        check_form(pathlib.Path(flags.output))
    flags.refuse("interactive", ["originality"], "it is said of texts that are complete")
    if flags.corpus and not (flags.avoid_copying or flags.originality):
        raise command.CommandError(
            "--corpus has no effect without --avoid_copying or --originality, which compare with it; give one"
        )


def _settings(flags: command.Values) -> GenerationSettings:
    """The controls given, over the model's own. Needs no TensorFlow, so that mistakes show at once."""
    from tf_gpt2.model_directory import load_config, load_generation_config

    given = flags.pick(*_CONTROLS)
    GenerationSettings.for_model(_GENEROUS, **given)  # what no model makes good shows before one is fetched
    load_config(flags.run_dir)
    settings = GenerationSettings.for_model(load_generation_config(flags.run_dir), **given)
    without_effect = {}
    if settings.temperature == 0:
        without_effect = {"top_k": settings.top_k != 1, "top_p": True}
    elif settings.top_k == 1:
        without_effect = {"temperature": True, "top_p": True}
    for name, no_effect in without_effect.items():
        if flags.given(name) and no_effect:
            cause = "temperature" if settings.temperature == 0 else "top_k"
            raise command.CommandError(
                f"--{name} has no effect with {cause} {getattr(settings, cause):g}, which always takes the "
                f"likeliest token; leave it out or give another --{cause}"
            )
    if flags.given("repetition_window") and settings.repetition_penalty == 1:
        raise command.CommandError(
            "--repetition_window has no effect without --repetition_penalty: it says where the penalty looks; give "
            "both or neither"
        )
    return settings


def _print_passages(model: Any, prompts: list[str], settings: GenerationSettings, index: Any) -> None:
    several = len(prompts) * settings.num_samples > 1
    for passage in model.write(prompts, settings):
        _show_cut(passage)
        if several:
            title = f"prompt {passage.prompt_index + 1}, " if len(prompts) > 1 else ""
            command.message(f"--- {title}sample {passage.sample_index + 1}")
        command.result(passage.prompt + passage.text)
        _show_originality(index, passage)


def _show_originality(index: Any, passage: Any) -> None:
    if index is None:
        return
    from tf_gpt2.evaluation.originality import measure, sentence

    command.message(sentence(measure(index, [passage.text])))


def _stream(model: Any, prompt: str, settings: GenerationSettings) -> Any:
    """Prints the prompt and each piece of text as it comes; returns the passage."""
    command.result(prompt, end="")
    passage = None
    try:
        for item in model.stream_passage(prompt, settings):
            if isinstance(item, str):
                command.result(item, end="")
            else:
                passage = item
    finally:
        command.result("")
    return passage


def _show_cut(passage: Any) -> None:
    if passage.cut_tokens:
        command.message(
            f"note: the prompt is longer than the context; its first {passage.cut_tokens} tokens were left out"
        )


def _write_results(
    model: Any, prompts: list[Prompt], settings: GenerationSettings, path: pathlib.Path, index: Any
) -> None:
    """Appends nothing: the file is new or written over, line by line, so that Ctrl-C keeps whole lines."""
    from tf_gpt2.generation.results import ResultsWriter

    total, done = len(prompts) * settings.num_samples, 0
    try:
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = ResultsWriter(file, path, prompts)
            for passage in model.write([prompt.text for prompt in prompts], settings):
                writer.write(passage)
                _show_originality(index, passage)
                done += 1
                command.draw(f"{done}/{total} passages")
    except OSError as error:
        raise UserError(f"`output` must be a file that can be written; {path}: {error.strerror}") from None
    finally:
        command.draw("", end="\n")
        command.message(f"{done} of {total} passages written to {path}")


if __name__ == "__main__":
    command.run(main)
