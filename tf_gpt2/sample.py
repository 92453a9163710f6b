"""Writes text with a trained model.

    python -m tf_gpt2.sample --run_dir=runs/demo --prompt=却说曹操

The text goes to stdout, everything else to stderr. Without --prompt the model begins a document of its own.
"""

import dataclasses
import json
import pathlib
import secrets
import sys

from absl import flags

from tf_gpt2 import command
from tf_gpt2.errors import UserError
from tf_gpt2.interactive import converse, printable

RUN_DIR = flags.DEFINE_string("run_dir", None, "Model directory: a run of tf_gpt2.train, or a Hugging Face GPT-2.")
PROMPT = flags.DEFINE_string("prompt", "", "Text to write on from; empty lets the model begin.")
PROMPTS_FILE = flags.DEFINE_string(
    "prompts_file", None, 'Many prompts: a text file with one a line, or .jsonl with {"prompt": "..."} a line.'
)
OUTPUT = flags.DEFINE_string("output", None, "Write the results to this .jsonl file, one JSON object a passage.")
STREAM = flags.DEFINE_bool("stream", False, "Show the text while it is being written.")
INTERACTIVE = flags.DEFINE_bool("interactive", False, "Ask for prompts in a loop; /help lists the commands there.")

MAX_NEW_TOKENS = flags.DEFINE_integer("max_new_tokens", 200, "Longest text, in tokens; may exceed the context.")
MIN_NEW_TOKENS = flags.DEFINE_integer("min_new_tokens", 0, "Shortest text, in tokens.")
TEMPERATURE = flags.DEFINE_float("temperature", 1.0, "Below 1 safer, above 1 bolder; 0 takes the likeliest token.")
TOP_K = flags.DEFINE_integer("top_k", 40, "Draw among so many likeliest tokens; 0 for all, 1 for the likeliest.")
TOP_P = flags.DEFINE_float("top_p", 1.0, "Draw among the fewest tokens that together have this probability.")
REPETITION_PENALTY = flags.DEFINE_float("repetition_penalty", 1.0, "Above 1 makes tokens already there rarer.")
REPETITION_WINDOW = flags.DEFINE_integer(
    "repetition_window", 0, "How many of the last tokens the penalty looks at; 0 for all the model sees."
)
NO_REPEAT_NGRAM = flags.DEFINE_integer(
    "no_repeat_ngram", 0, "Never write the same sequence of so many tokens twice; 0 for no limit."
)
NUM_SAMPLES = flags.DEFINE_integer("num_samples", 1, "Texts to write for each prompt.")
SEED = flags.DEFINE_integer("seed", None, "Same seed, same text. Without one, one is drawn and shown.")
STOP = flags.DEFINE_multi_string("stop", [], "End the text before this string; may be given several times.")


def main(argv):
    """Runs the command."""
    del argv
    from tf_gpt2.generation.settings import GenerationSettings  # no TensorFlow yet: mistakes show at once

    settings = GenerationSettings(**_settings_from_flags())
    if not RUN_DIR.value:
        raise UserError("--run_dir must name a model directory; received none. `make demo` makes runs/demo")
    prompts = _prompts()
    model = _load(RUN_DIR.value)
    if INTERACTIVE.value:
        return converse(model, settings)
    if settings.seed is None:
        settings = dataclasses.replace(settings, seed=secrets.randbelow(2**32))
        command.message(f"seed {settings.seed}")
    if OUTPUT.value:
        _write_jsonl(model, prompts, settings, pathlib.Path(OUTPUT.value))
    else:
        _print_passages(model, prompts, settings)
    return 0


def _settings_from_flags():
    return {
        "max_new_tokens": MAX_NEW_TOKENS.value,
        "min_new_tokens": MIN_NEW_TOKENS.value,
        "temperature": TEMPERATURE.value,
        "top_k": TOP_K.value,
        "top_p": TOP_P.value,
        "repetition_penalty": REPETITION_PENALTY.value,
        "repetition_window": REPETITION_WINDOW.value,
        "no_repeat_ngram": NO_REPEAT_NGRAM.value,
        "num_samples": NUM_SAMPLES.value,
        "seed": SEED.value,
        "stop": tuple(STOP.value),
    }


def _load(folder):
    from tf_gpt2 import model_directory

    model_directory.load_config(folder)  # a wrong folder shows before TensorFlow is imported
    from tf_gpt2.generation import load

    return load(folder)


def _prompts():
    if PROMPTS_FILE.value is None:
        return [PROMPT.value]
    if PROMPT.value:
        raise UserError("--prompt and --prompts_file exclude each other; received both. Give one")
    prompts = read_prompts(pathlib.Path(PROMPTS_FILE.value))
    if not prompts:
        raise UserError(f"--prompts_file must hold a prompt; {PROMPTS_FILE.value} is empty")
    return prompts


def read_prompts(path: pathlib.Path) -> list[str]:
    """Prompts of a file: one a line, or the field `prompt` (or the string itself) of each line of a .jsonl file.

    Raises:
        UserError: The file cannot be read, or a line is no prompt.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--prompts_file must be a readable UTF-8 file; {path}: {error}") from None
    lines = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if path.suffix != ".jsonl":
        return [line for _, line in lines]
    return [_prompt_of_json(line, f"{path}, line {number}") for number, line in lines]


def _prompt_of_json(line, place):
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{place}: must be JSON ({error})") from None
    prompt = value.get("prompt") if isinstance(value, dict) else value
    if not isinstance(prompt, str):
        raise UserError(f'{place}: must be {{"prompt": "..."}}; received {line[:80]!r}')
    return prompt


def _print_passages(model, prompts, settings):
    several = len(prompts) * settings.num_samples > 1
    if STREAM.value and not several:
        _show_cut(_stream(model, prompts[0], settings))
        return
    for passage in model.write(prompts, settings):
        _show_cut(passage)
        if several:
            title = f"prompt {passage.prompt_index + 1}, " if len(prompts) > 1 else ""
            command.message(f"--- {title}sample {passage.sample_index + 1}")
        print(printable(passage.prompt + passage.text), flush=True)


def _stream(model, prompt, settings):
    """Prints the prompt and each piece of text as it comes; returns the passage."""
    print(printable(prompt), end="", flush=True)
    try:
        for item in model.stream_passage(prompt, settings):
            if isinstance(item, str):
                print(printable(item), end="", flush=True)
            else:
                return item
    finally:
        print(flush=True)


def _show_cut(passage):
    if passage.cut_tokens:
        command.message(
            f"note: the prompt is longer than the context; its first {passage.cut_tokens} tokens were left out"
        )


def _write_jsonl(model, prompts, settings, path):
    """Appends nothing: the file is new or written over, line by line, so that Ctrl-C keeps whole lines."""
    total, done = len(prompts) * settings.num_samples, 0
    try:
        with path.open("w", encoding="utf-8", errors="replace") as file:
            for passage in model.write(prompts, settings):
                file.write(json.dumps(dataclasses.asdict(passage), ensure_ascii=False) + "\n")
                file.flush()
                done += 1
                if sys.stderr.isatty():
                    print(f"\r{done}/{total} passages", end="", file=sys.stderr, flush=True)
    except OSError as error:
        raise UserError(f"--output must be a file that can be written; {path}: {error.strerror}") from None
    finally:
        if sys.stderr.isatty():
            print(file=sys.stderr)
        command.message(f"{done} of {total} passages written to {path}")


if __name__ == "__main__":
    command.run(main)
