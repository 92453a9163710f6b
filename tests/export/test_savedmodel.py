"""The SavedModel writes what the library writes, keeps its limits, and opens without anything of ours."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from export.serving.limits import Limits
from export.serving.saved_model import write_savedmodel
from tf_gpt2.generation import GenerationSettings, load
from tf_gpt2.model_directory import load_model

CONTEXT = 24
DTYPES = {"max_new_tokens": tf.int32, "temperature": tf.float32, "top_k": tf.int32, "top_p": tf.float32,
          "repetition_penalty": tf.float32, "seed": tf.int64, "finish_sentence": tf.bool}  # fmt: skip


@pytest.fixture(scope="module")
def library(served_run_dir):
    return load(served_run_dir)


@pytest.fixture(scope="module")
def call(served_model, served_limits):
    signatures = tf.saved_model.load(str(served_model)).signatures
    defaults = {name: value.numpy() for name, value in served_limits.defaults().items()}

    def answer(signature="serving_default", **inputs):
        if signature == "serving_default":
            inputs = {**defaults, **inputs}
            inputs = {name: tf.constant(value, DTYPES.get(name)) for name, value in inputs.items()}
        else:
            inputs = {name: tf.constant(value) for name, value in inputs.items()}
        return {name: tensor.numpy() for name, tensor in signatures[signature](**inputs).items()}

    return answer


def _expected(library, prompt, **settings):
    return next(library.write([prompt], GenerationSettings(**settings)))


CASES = [
    {"prompt": "却说曹操", "seed": 1},
    {"prompt": "", "seed": 2, "temperature": 0.7, "top_k": 5},
    {"prompt": "天", "seed": 3, "top_k": 0, "top_p": 0.9},
    {"prompt": "a b 生僻字", "seed": 4, "repetition_penalty": 1.7, "top_k": 0},
    {"prompt": "兵" * 40, "seed": 2**32 - 1, "temperature": 0.0, "repetition_penalty": 1.2},
    {"prompt": "x" * CONTEXT, "seed": 5, "max_new_tokens": 1},
    {"prompt": "却说" * 11, "seed": 6, "max_new_tokens": 100, "top_k": 3},
]


def _check(answer, row, passage):
    assert answer["text"][row].decode() == passage.text
    assert answer["num_tokens"][row] == passage.num_tokens
    assert answer["finish"][row].decode() == passage.finish
    assert answer["status"][row] == b""
    assert (answer["tokens"][row] >= 0).sum() == passage.num_tokens
    mean = answer["log_probabilities"][row].sum() / passage.num_tokens
    assert mean == pytest.approx(passage.log_probability, abs=1e-4)


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_one_row_is_what_sample_writes(call, library, case):
    settings = {"max_new_tokens": 100, **case}  # far past the context of 24
    answer = call(**{name: [value] for name, value in settings.items()})
    _check(answer, 0, _expected(library, **settings))
    assert answer["seed"][0] == case["seed"]


@pytest.mark.parametrize("group", [CASES[:4], CASES[3:], CASES[::2], CASES[5:]], ids=range(4))
def test_rows_do_not_see_each_other(call, library, group):
    group = [{"max_new_tokens": 90 - 7 * row, "temperature": 1.0, "top_k": 40, "top_p": 1.0,
              "repetition_penalty": 1.0, **case} for row, case in enumerate(group)]  # fmt: skip
    answer = call(**{name: [case[name] for case in group] for name in group[0]})
    for row, case in enumerate(group):
        _check(answer, row, _expected(library, **case))


@pytest.mark.parametrize("seed", range(4))
def test_rows_finish_their_sentences_each_by_itself(call, library, seed):
    prompts, lengths, finish = ["却说", "天。", "a b", "兵"], [3, 40, 25, 31], [True, True, False, True]
    settings = {"top_k": 0, "temperature": 1.4, "seed": seed}
    answer = call(
        prompt=prompts,
        max_new_tokens=lengths,
        finish_sentence=finish,
        **{name: [value] * 4 for name, value in settings.items()},
    )
    for row, prompt in enumerate(prompts):
        wanted = {"max_new_tokens": lengths[row], "finish_sentence": finish[row], **settings}
        _check(answer, row, _expected(library, prompt, **wanted))
    past = [answer["num_tokens"][row] - lengths[row] for row in range(4)]
    assert any(past) and past[2] <= 0


def test_a_long_finished_row_beside_a_short_one(call, library):
    """The finished row lies further back than the other one's cache reaches."""
    prompts, lengths = ["说" * 20, "操"], [1, 3]
    answer = call(prompt=prompts, max_new_tokens=lengths, seed=[7, 8])
    for row in range(2):
        _check(answer, row, _expected(library, prompts[row], max_new_tokens=lengths[row], seed=7 + row))


def test_left_out_settings_are_the_librarys_and_the_seed_is_told(call, library):
    first, second = call("prompt_only", prompt=["却说"]), call("prompt_only", prompt=["却说"])
    assert first["seed"][0] != second["seed"][0]
    _check(first, 0, _expected(library, "却说", max_new_tokens=120, seed=int(first["seed"][0])))


def test_next_token(call, library, served_run_dir):
    keras_model, _ = load_model(served_run_dir)
    answer = call("next_token", prompt=["却说", "天" * 30, ""])
    for row, prompt in enumerate(["却说", "天" * 30, ""]):
        window = library.tokenizer.encode(prompt)[-CONTEXT:]
        window = window if len(window) else np.array([library.tokenizer.end_of_text_id], np.int32)
        logits = np.asarray(keras_model(window[None]), np.float64)[0, -1]
        probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        np.testing.assert_allclose(answer["probabilities"][row], np.sort(probabilities)[::-1][:10], atol=1e-5)
        np.testing.assert_allclose(probabilities[answer["tokens"][row]], answer["probabilities"][row], atol=1e-5)
        assert [text.decode() for text in answer["text"][row]] == [
            library.tokenizer.decode([token]) for token in answer["tokens"][row]
        ]


def test_score(call, library):
    texts = ["却说曹操引兵，a b", "", "天下" * 33, "x"]
    answer = call("score", text=texts)
    for row, text in enumerate(texts):
        expected = library.score(text)
        count = answer["num_tokens"][row]
        np.testing.assert_array_equal(answer["tokens"][row][:count], expected.ids)
        np.testing.assert_allclose(answer["log_probabilities"][row][:count], expected.log_probabilities, atol=1e-4)
        assert answer["perplexity"][row] == pytest.approx(expected.perplexity if text else 1.0, rel=1e-4)
        assert (answer["tokens"][row][count:] == -1).all() and not answer["log_probabilities"][row][count:].any()


def test_tokenize_and_back(call, library):
    texts = ["却说\n", "", "😀 né", "\x00"]
    answer = call("tokenize", text=texts)
    for row, text in enumerate(texts):
        ids = answer["tokens"][row]
        assert ids[: answer["num_tokens"][row]].tolist() == library.tokenizer.encode(text).tolist()
    assert [text.decode() for text in call("detokenize", tokens=answer["tokens"])["text"]] == texts
    assert call("detokenize", tokens=np.array([[10**6, -5, 1 + 0xE8]], np.int32))["text"][0].decode() == "\ufffd"
    assert call("detokenize", tokens=np.zeros((2, 0), np.int32))["text"].tolist() == [b"", b""]


def test_invalid_utf8_is_read_as_replacement_characters(call, library):
    broken = b"\xe8\xaf a\xff"
    answer = call(prompt=[broken], max_new_tokens=[20], seed=[9])
    _check(answer, 0, _expected(library, broken.decode("utf-8", "replace"), max_new_tokens=20, seed=9))


WRONG = [
    ({"max_new_tokens": [0]}, "max_new_tokens must be an integer from 1 to 120; received 0"),
    ({"max_new_tokens": [2**31 - 1]}, "max_new_tokens must be an integer from 1 to 120; received 2147483647"),
    ({"temperature": [-1.0]}, "temperature must be a number 0 (greedy) or above; received -1"),
    ({"temperature": [float("nan")]}, "temperature must be a number 0 (greedy) or above; received nan"),
    ({"top_k": [-1]}, "top_k must be an integer 0 (all) or above; received -1"),
    ({"top_p": [0.0]}, "top_p must be a number above 0 and at most 1; received 0"),
    ({"repetition_penalty": [0.0]}, "repetition_penalty must be a number above 0; received 0"),
    ({"seed": [2**32]}, "seed must be an integer from 0 to 4294967295, or -1 for any; received 4294967296"),
    ({"prompt": ["x" * 201]}, "a text must have at most 200 bytes; received 201"),
    ({"prompt": ["x"] * 5}, "a request must have 1 to 4 rows; received 5"),
    ({"prompt": np.zeros(0, str)}, "a request must have 1 to 4 rows; received 0"),
    ({"prompt": ["x"] * 3, "top_k": [1, 2]}, "top_k must have one value, or one a row; received 2 values"),
]


@pytest.mark.parametrize(("inputs", "message"), WRONG, ids=range(len(WRONG)))
def test_limits(call, inputs, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call(**{"prompt": ["x"], **inputs})
    assert message in str(caught.value)


def test_a_wrong_row_does_not_spoil_the_others(call, library):
    answer = call(prompt=["却说", "x" * 999, "天"], top_p=[1.0, 1.0, 7.0], seed=[1, 1, 1], max_new_tokens=[30] * 3)
    _check(answer, 0, _expected(library, "却说", max_new_tokens=30, seed=1))
    assert [status.decode() for status in answer["status"][1:]] == [
        "a text must have at most 200 bytes; received 999",
        "top_p must be a number above 0 and at most 1; received 7",
    ]
    assert answer["text"][1:].tolist() == [b"", b""] and (answer["tokens"][1:] == -1).all()
    for signature, key in (("score", "text"), ("next_token", "prompt"), ("tokenize", "text")):
        answer = call(signature, **{key: ["却", "x" * 999]})
        assert (answer["status"][0], answer["status"][1][:6]) == (b"", b"a text")


def test_the_models_own_settings_are_the_defaults(served_run_dir, tmp_path):
    """What a request can set and what it cannot, greedy and with a penalty: `sample` writes the same."""
    folder = tmp_path / "run"
    shutil.copytree(served_run_dir, folder)
    brought = {"do_sample": False, "max_new_tokens": 60, "min_new_tokens": 60, "repetition_penalty": 1.3,
               "no_repeat_ngram_size": 2}  # fmt: skip
    (folder / "generation_config.json").write_text(json.dumps(brought))
    output = tmp_path / "models" / "own" / "1"
    write_savedmodel(folder, output, limits=Limits(max_batch_size=2, max_prompt_bytes=200, max_new_tokens=60))
    signatures = tf.saved_model.load(str(output)).signatures
    answer = {
        name: value.numpy() for name, value in signatures["prompt_only"](prompt=tf.constant(["却说", ""])).items()
    }
    model = load(folder)
    for row, prompt in enumerate(["却说", ""]):
        expected = next(model.write([prompt], model.settings()))
        assert expected.num_tokens == 60
        _check(answer, row, expected)
        assert expected.text != _expected(model, prompt, max_new_tokens=60, temperature=0).text
