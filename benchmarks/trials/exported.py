"""One model, five writers: do transformers, KerasHub, a SavedModel and the page go on with a text as we do?

    python -m benchmarks.trials.exported --run_dir=runs/demo --peer_python=PATH

The likeliest text after openings of the books, in float32 everywhere. KerasHub takes a prompt for the start of a
document, so ours is asked for that there. The last line of stdout is one JSON object: by program, whether all texts
are ours, and how many of their characters are before the first that is not.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from benchmarks.workers import ROOT, run_command
from tf_gpt2 import runtime

runtime.load_tensorflow()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from export.browser.openings import book_openings  # noqa: E402
from export.formats.keras_hub import write_keras_hub  # noqa: E402
from tf_gpt2.generation import load  # noqa: E402

TOKENS, PROMPTS = 40, 3
_SEED = 1


def main(argv=None):
    """Writes the texts and compares them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_dir", type=pathlib.Path, required=True)
    parser.add_argument("--peer_python", help="interpreter with transformers and PyTorch")
    options = parser.parse_args(argv)
    model = load(options.run_dir)
    prompts = [opening for _, found in book_openings(options.run_dir, model.tokenizer) for opening in found]
    prompts = prompts[:PROMPTS]
    ours = [model.generate(prompt, temperature=0.0, max_new_tokens=TOKENS) for prompt in prompts]
    begun = [_as_a_beginning(model, prompt) for prompt in prompts]
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        answers = {
            "savedmodel": (ours, _savedmodel(options.run_dir, prompts, place)),
            "keras_hub": (begun, _keras_hub(options.run_dir, prompts, model, place)),
            "page": (ours, _page(options.run_dir, prompts, place)),
        }
        if options.peer_python:
            answers["transformers"] = (ours, _transformers(options, prompts))
    print(json.dumps({"benchmark": "exported", **{name: compared(*pair) for name, pair in answers.items()}}))


def compared(expected: list[str], texts: list[str]) -> dict:
    """Whether texts are the expected ones, and the least number of characters that are alike."""
    alike = [len(os.path.commonprefix(pair)) for pair in zip(expected, texts, strict=True)]
    return {"same": texts == expected, "texts": len(texts), "characters_alike": min(alike)}


def _as_a_beginning(model, prompt: str) -> str:
    tokenizer = model.tokenizer
    ids = np.array([tokenizer.end_of_text_id, *tokenizer.encode(prompt)], np.int32)
    session = model.engine.start([ids], model.settings(temperature=0.0, max_new_tokens=TOKENS), 0, [0], [0])
    while session.active[0]:
        session.advance(TOKENS)
    return tokenizer.decode([*ids, *session.tokens[0]], skip_special_tokens=True)


def _savedmodel(run_dir, prompts, place):
    given = [f"--run_dir={run_dir.resolve()}", f"--output={place / '1'}"]
    run_command([sys.executable, "-m", "export.savedmodel", *given])
    write = tf.saved_model.load(str(place / "1")).signatures["serving_default"]
    count = len(prompts)
    numbers = {"temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0, "max_new_tokens": TOKENS, "top_k": 40}
    given = {name: tf.constant([value] * count) for name, value in numbers.items()}
    seed, finish = tf.constant([_SEED] * count, tf.int64), tf.constant([False] * count)
    answer = write(prompt=tf.constant(prompts), seed=seed, finish_sentence=finish, **given)
    return [prompt + text.decode() for prompt, text in zip(prompts, answer["text"].numpy(), strict=True)]


def _keras_hub(run_dir, prompts, model, place):
    import keras_hub

    write_keras_hub(run_dir, place / "preset")
    theirs = keras_hub.models.GPT2CausalLM.from_preset(str(place / "preset"))
    theirs.compile(sampler="greedy")
    lengths = [1 + len(model.tokenizer.encode(prompt)) + TOKENS for prompt in prompts]
    return [theirs.generate(prompt, max_length=length) for prompt, length in zip(prompts, lengths, strict=True)]


def _transformers(options, prompts):
    asked = {"programs": ["generate"], "tokens": TOKENS, "prompts": {str(options.run_dir.resolve()): prompts}}
    done = subprocess.run(
        [options.peer_python, ROOT / "tests" / "peers" / "continue_texts.py"],
        input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
    )  # fmt: skip
    (texts,) = json.loads(done.stdout.splitlines()[-1])["generate"].values()
    return texts if isinstance(texts, list) else [texts] * len(prompts)


def _page(run_dir, prompts, place):
    from playwright.sync_api import sync_playwright

    from benchmarks.browser_driver import Browser

    given = [f"--run_dir={run_dir.resolve()}", f"--output={place / 'site'}", "--dtype=float32", "--samples=0"]
    run_command([sys.executable, "-m", "export.site", *given])
    with sync_playwright() as playwright, Browser(playwright, place / "site") as browser:
        page = browser.open()
        page.click("#load")
        page.wait_for_selector("body[data-phase=ready]")
        page.click("#settings summary")
        for name, value in {"maxNewTokens": TOKENS, "temperature": 0, "seed": _SEED}.items():
            page.fill(f"#setting-{name}", str(value))
            page.press(f"#setting-{name}", "Tab")
        page.uncheck("#setting-finishSentence")
        return [prompt + _written(page, prompt) for prompt in prompts]


def _written(page, prompt: str) -> str:
    runs = page.evaluate("runs.length")
    page.fill("#prompt", prompt)
    page.click("#write")
    while page.evaluate("runs.length") == runs:
        page.wait_for_timeout(100)
    page.wait_for_selector("body[data-busy=false]")
    return page.locator("article .fresh").all_text_contents()[0]


if __name__ == "__main__":
    main()
