"""Run by the interpreter of an environment with transformers: how each program goes on with prompts, greedily.

Standard input has one JSON object: "programs", functions below; "tokens", how many to write; "prompts" by folder.
The last line of standard output has, by program and folder, the texts, prompts included, or what went wrong.
"""

import contextlib
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import traceback


def generate(folder, tokens, prompts):
    """transformers, one prompt at a time."""
    return [_transformers(folder, tokens, [prompt])[0] for prompt in prompts]


def batch(folder, tokens, prompts):
    """transformers, all prompts together, padded by the tokenizer's own settings."""
    return _transformers(folder, tokens, prompts)


def _transformers(folder, tokens, prompts):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, truncation=True)
    with torch.no_grad():
        ids = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    return tokenizer.batch_decode(ids, skip_special_tokens=True)


def pipeline(folder, tokens, prompts):
    """transformers' pipeline, as users call it with the model's own settings, and then all prompts in a batch."""
    import transformers

    write = transformers.pipeline("text-generation", model=folder)
    for prompt in prompts:
        (written,) = write(prompt)
        assert written["generated_text"].startswith(prompt), written
    answers = write(prompts, max_new_tokens=tokens, do_sample=False, batch_size=len(prompts))
    return [written["generated_text"] for (written,) in answers]


def ctranslate2(folder, tokens, prompts):
    """CTranslate2 with the model as its own converter makes it."""
    import ctranslate2 as library
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as output:
        library.converters.TransformersConverter(folder).convert(output, force=True)
        starts = [tokenizer.convert_ids_to_tokens(tokenizer(prompt).input_ids) for prompt in prompts]
        generator = library.Generator(output)
        # Its length counts the prompt, all of it but the first token.
        results = [
            generator.generate_batch([start], max_length=len(start) + tokens - 1, sampling_topk=1)[0]
            for start in starts
        ]
        return [tokenizer.decode(result.sequences_ids[0], skip_special_tokens=True) for result in results]


def onnx(folder, tokens, prompts):
    """onnxruntime with the model as optimum makes it."""
    from optimum.onnxruntime import ORTModelForCausalLM
    from transformers import AutoTokenizer

    tokenizer, model = (
        AutoTokenizer.from_pretrained(folder),
        ORTModelForCausalLM.from_pretrained(folder, export=True),
    )
    inputs = [tokenizer(prompt, return_tensors="pt") for prompt in prompts]
    ids = [model.generate(**given, max_new_tokens=tokens, do_sample=False)[0] for given in inputs]
    return tokenizer.batch_decode(ids, skip_special_tokens=True)


def card(folder, tokens, prompts):
    """The lines of the model card, run where they lie; what they print is theirs to choose."""
    (code,) = re.findall(r"```python\n(.*?)```", (pathlib.Path(folder) / "README.md").read_text("utf-8"), re.DOTALL)
    os.chdir(folder)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    return [printed.getvalue()]


def _answers(program, prompts, tokens):
    answers = {}
    for folder, given in prompts.items():
        try:
            answers[folder] = globals()[program](folder, tokens, given)
        except Exception:
            answers[folder] = traceback.format_exc()[-3000:]
    return answers


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps({name: _answers(name, asked["prompts"], asked["tokens"]) for name in asked["programs"]}))
