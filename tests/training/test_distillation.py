"""The student's loss beside NumPy with whole distributions, the teachers' answers beside the teachers."""

import json
import logging
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.windows import IGNORED, training_dataset
from tf_gpt2.errors import UserError
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import load_model, model_weights, save_model_directory
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training import teachers as teachers_module
from tf_gpt2.training.batches import training_batches
from tf_gpt2.training.distillation import TeachersLoss, distillation_losses
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.settings import Recipe
from tf_gpt2.training.teachers import Answers, answers_of, open_teachers, reading_windows

CONTEXT, SHARE = 12, 0.3


def _softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def _config(vocabulary_size, **changes):
    shape = {"context_length": CONTEXT, "num_layers": 1, "num_heads": 2, "hidden_dim": 16, "dropout": 0.0}
    return GPT2Config(vocabulary_size, **{**shape, **changes})


@pytest.fixture(scope="module")
def folders(small_corpus, tmp_path_factory):
    """Two teachers of different contexts."""
    found = []
    for name, context in (("first", CONTEXT), ("second", 20)):
        folder, config = (
            tmp_path_factory.mktemp(name),
            _config(small_corpus.tokenizer.vocab_size, context_length=context),
        )
        model = build_model(config)
        for variable in model.trainable_variables:
            variable.assign(variable * 10)
        save_model_directory(folder, config, model_weights(model, config), small_corpus.tokenizer)
        found.append(str(folder))
    return found


@pytest.fixture(scope="module")
def teachers(folders, small_corpus):
    return open_teachers(folders, small_corpus.tokenizer, small_corpus.tokenizer.vocab_size)


@pytest.fixture(scope="module")
def answers(teachers, small_corpus, tmp_path_factory):
    return answers_of(teachers, small_corpus, tmp_path_factory.mktemp("answers"))


def _packed(targets, ids, probabilities):
    bits = probabilities.astype(np.float32).view(np.int32)
    return tf.constant(np.concatenate([targets[..., None], ids, bits], axis=-1).astype(np.int32))


def test_the_loss_with_every_token_is_that_of_whole_distributions():
    draw = np.random.default_rng(0)
    logits, taught = draw.normal(size=(2, 3, 7)).astype(np.float32) * 2, _softmax(draw.normal(size=(2, 3, 7)))
    targets = draw.integers(0, 7, (2, 3))
    targets[1, 1] = IGNORED
    ids = np.argsort(-taught, axis=-1)
    y = _packed(targets, ids, np.take_along_axis(taught, ids, -1))
    own = np.log(_softmax(logits.astype(np.float64)))
    of_text = -np.take_along_axis(own, np.maximum(targets, 0)[..., None], -1)[..., 0]
    expected = np.where(targets == IGNORED, 0, (1 - SHARE) * of_text - SHARE * np.sum(taught * own, -1))
    np.testing.assert_allclose(distillation_losses(tf.constant(logits), y, SHARE), expected, rtol=1e-5, atol=1e-6)


def test_the_rest_counts_as_one_token_and_its_gradient_is_right():
    draw = np.random.default_rng(1)
    logits, taught = draw.normal(size=(1, 2, 9)).astype(np.float32), _softmax(draw.normal(size=(1, 2, 9)))
    targets, ids = draw.integers(0, 9, (1, 2)), np.argsort(-taught, axis=-1)[..., :4]
    kept = np.take_along_axis(taught, ids, -1)
    y = _packed(targets, ids, kept)

    def loss(logits):
        own = _softmax(logits)
        kept_own = np.take_along_axis(own, ids, -1)
        soft = -np.sum(kept * np.log(kept_own), -1) - (1 - kept.sum(-1)) * np.log(1 - kept_own.sum(-1))
        hard = -np.log(np.take_along_axis(own, targets[..., None], -1)[..., 0])
        return (1 - SHARE) * hard + SHARE * soft

    given = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(distillation_losses(given, y, SHARE))
    assert float(total) == pytest.approx(loss(logits.astype(np.float64)).sum(), rel=1e-5)
    gradient, step = tape.gradient(total, given).numpy(), 1e-5
    for place in ((0, 0, 3), (0, 1, 8), (0, 1, int(ids[0, 1, 0]))):
        up = logits.astype(np.float64)
        up[place] += step
        down = logits.astype(np.float64)
        down[place] -= step
        slope = (loss(up).sum() - loss(down).sum()) / (2 * step)
        assert gradient[place] == pytest.approx(slope, abs=1e-4)


def test_where_teachers_say_nothing_the_text_alone_counts():
    logits = tf.constant(np.random.default_rng(2).normal(size=(1, 1, 5)).astype(np.float32))
    y = _packed(np.array([[2]]), np.zeros((1, 1, 3), int), np.zeros((1, 1, 3)))
    expected = -np.log(_softmax(np.asarray(logits))[0, 0, 2])
    assert float(distillation_losses(logits, y, SHARE)[0, 0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("length", "window", "rows"), [(30, 12, 4), (13, 12, 4), (14, 12, 1), (101, 10, 3), (9, 1, 2)]
)
def test_every_token_is_predicted_once_from_half_a_window_or_more(length, window, rows):
    tokens, predicted = np.arange(length), []
    for x, new in reading_windows(tokens, window, rows):
        assert x.shape[0] <= rows and x.shape[1] == window
        for row in x:
            predicted += [int(token) + 1 for token in row[-new:]]
            seen = window - new + 1  # what the first of them is predicted from
            assert row[0] == 0 or seen >= window / 2
    assert predicted == list(range(1, length))


def test_the_answers_are_the_mean_of_the_teachers(folders, answers, small_corpus):
    tokens = np.asarray(small_corpus.train.tokens, np.int32)
    place = 3 * CONTEXT + 2  # in the second half of a window that begins at 5 strides
    start = next(s for s in range(0, len(tokens), CONTEXT // 2) if s + CONTEXT // 2 < place <= s + CONTEXT)
    window = tokens[None, start : start + CONTEXT]
    logits = [np.asarray(load_model(folder)[0](window)[0, place - 1 - start], np.float64) for folder in folders]
    mean = np.mean([_softmax(row) for row in logits], axis=0)
    likeliest = np.argsort(-mean)[: answers.ids.shape[1]]
    assert set(answers.ids[place].tolist()) == set(likeliest.tolist())
    np.testing.assert_allclose(answers.probabilities[place], mean[answers.ids[place]], rtol=2e-3, atol=1e-4)
    assert len(answers.ids) == len(tokens) and not answers.probabilities[0].any()


def test_answers_are_kept_and_made_again_where_damaged(teachers, answers, small_corpus, tmp_path, caplog):
    caplog.set_level(logging.INFO, "tf_gpt2")
    folder = next(iter(answers.ids.filename.parent.parent.parent.glob("teachers/*")))
    shutil.copytree(folder, tmp_path / "teachers" / folder.name)
    again = answers_of(teachers, small_corpus, tmp_path)
    assert "read the" not in caplog.text
    file = tmp_path / "teachers" / folder.name / "ids.bin"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    mended = answers_of(list(reversed(teachers)), small_corpus, tmp_path)  # their order says nothing
    assert "2 teachers read the" in caplog.text
    np.testing.assert_array_equal(mended.ids, answers.ids)
    np.testing.assert_array_equal(again.probabilities, answers.probabilities)


def _learner(small_corpus, answers, *, parts=1, sparing=PLAIN):
    tf.keras.utils.set_random_seed(3)
    model = build_model(_config(small_corpus.tokenizer.vocab_size))
    recipe = Recipe(batch_size=4, accumulation_steps=parts, seed=1)
    return Learner(model, recipe, None, TeachersLoss(model, 0.5, sparing), sparing=sparing, beside=lambda: answers)


@pytest.mark.parametrize("changes", [{"parts": 2}, {"sparing": Sparing(strip=4, chunk=8, remat="blocks")}])
def test_parts_and_sparing_change_nothing(small_corpus, answers, changes):
    losses = []
    for learner in (_learner(small_corpus, answers), _learner(small_corpus, answers, **changes)):
        batches = training_batches(small_corpus, learner, CONTEXT).take(4)
        losses.append([float(learner.step(x, y, 1e-2)) for x, y in batches])
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-5)
    assert losses[0][-1] < losses[0][0]


def test_the_answers_go_along_with_their_targets(small_corpus):
    tokens = len(small_corpus.train)
    numbers = np.arange(tokens)[:, None].astype(np.uint16)
    marked = Answers(numbers, np.full((tokens, 1), 0.5, np.float16))  # each place answers with its number
    arguments = {"context_length": CONTEXT, "batch_size": 3, "seed": 1}
    plain = next(iter(training_dataset(small_corpus.train, **arguments)))
    x, y = (
        np.asarray(part) for part in next(iter(training_dataset(small_corpus.train, **arguments, beside=marked)))
    )
    np.testing.assert_array_equal(x, plain[0])
    np.testing.assert_array_equal(y[..., 0], plain[1])
    counted = y[..., 0] != IGNORED
    np.testing.assert_array_equal(np.asarray(small_corpus.train.tokens)[y[..., 1]][counted], y[..., 0][counted])
    assert np.all(np.ascontiguousarray(y[..., 2]).view(np.float32) == 0.5)


def test_a_teacher_of_another_kind_is_refused_in_one_line(small_corpus, folders, tmp_path):
    def refused(folder):
        with pytest.raises(UserError) as caught:
            open_teachers([str(folder)], small_corpus.tokenizer, small_corpus.tokenizer.vocab_size)
        assert "\n" not in str(caught.value) and str(caught.value).startswith(f"`distill_from`={folder}")
        return str(caught.value)

    assert "is no directory" in refused(tmp_path / "nowhere")
    other = Tokenizer.train_characters(["天地玄黃宇宙洪荒"])
    config = _config(other.vocab_size)
    save_model_directory(tmp_path / "other", config, model_weights(build_model(config), config), other)
    assert "must have the tokenizer" in refused(tmp_path / "other")
    shutil.copytree(folders[0], tmp_path / "ends")  # the same tokenizer.json, and another token ends a text
    settings = tmp_path / "ends" / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text("utf-8")), "eos_token": "曹"}), "utf-8")
    assert f"ends with {small_corpus.tokenizer.encode('曹')[0]} instead of 0" in refused(tmp_path / "ends")
    shutil.copytree(folders[0], tmp_path / "damaged")
    file = tmp_path / "damaged" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    refused(tmp_path / "damaged")


def test_rows_that_no_token_has_are_no_other_tokenizer(folders, small_corpus, tmp_path):
    from tf_gpt2.training.devices import local_devices
    from tf_gpt2.training.distributed.team import Team
    from tf_gpt2.training.options import TrainingOptions
    from tf_gpt2.training.setup import set_up

    rows = small_corpus.tokenizer.vocab_size + 47
    config = _config(rows)
    padded = str(tmp_path / "padded")
    save_model_directory(padded, config, model_weights(build_model(config), config), small_corpus.tokenizer)

    def setup(**options):
        return set_up(TrainingOptions(**options), small_corpus, local_devices(), Team())

    assert setup(init_from=padded, distill_from=padded).teachers[0].config.vocabulary_size == rows
    shape = {"context_length": CONTEXT, "num_layers": 1, "num_heads": 2, "hidden_dim": 16}
    for options, found in (({**shape, "distill_from": padded}, rows), ({"init_from": padded}, rows - 47)):
        with pytest.raises(UserError, match=f"it has {found} instead of .* with the same tokenizer"):
            setup(**{"distill_from": folders[0], **options})


def test_other_weights_are_another_teacher(folders, small_corpus, tmp_path, teachers):
    config = teachers[0].config
    model = load_model(folders[0])[0]
    model.trainable_variables[0].assign(model.trainable_variables[0] + 1e-3)
    save_model_directory(tmp_path, config, model_weights(model, config), small_corpus.tokenizer)
    (other,) = open_teachers([str(tmp_path)], small_corpus.tokenizer, config.vocabulary_size)
    assert other.digest != teachers[0].digest
    assert teachers_module.LIKELIEST == 32


def test_teachers_read_nothing_before_the_first_batch(folders, small_corpus, monkeypatch):
    from tf_gpt2.training.devices import local_devices
    from tf_gpt2.training.distributed.team import Team
    from tf_gpt2.training.options import TrainingOptions
    from tf_gpt2.training.setup import set_up

    read = []
    monkeypatch.setattr("tf_gpt2.training.setup.answers_of", lambda *given: read.append(given))
    shape = {"context_length": CONTEXT, "num_layers": 1, "num_heads": 2, "hidden_dim": 16}
    setup = set_up(TrainingOptions(distill_from=folders, **shape), small_corpus, local_devices(), Team())
    assert len(setup.teachers) == 2 and not read
    training_batches(small_corpus, setup.learner, CONTEXT)
    assert len(read) == 1
