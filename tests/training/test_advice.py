import pytest

from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.advice import advice
from tf_gpt2.training.options import TrainingOptions

CHINESE, ENGLISH = "却说曹操引兵渡河。玄德大喜。" * 40, "It was a dark and stormy night. " * 40


def _notes(tmp_path, text, own=None, **options):
    (tmp_path / "text.txt").write_text(text, "utf-8")
    prepared = prepare_corpus(tmp_path / "text.txt", tokenizer=own, cache_dir=tmp_path / "cache")
    return list(advice(TrainingOptions(**options), prepared))


@pytest.mark.parametrize(
    ("text", "share"),
    [(ENGLISH, 0), (CHINESE, None), (CHINESE + "ab " * 40, 82), (CHINESE + "ab " * 10, None)],
)
def test_a_model_of_another_language_is_said(tmp_path, text, share):
    notes = _notes(tmp_path, text, Tokenizer.train_characters([CHINESE]), init_from="a model")
    if share is None:
        assert notes == []
    else:
        (note,) = notes
        assert f"has {share} % of this text's characters; the rest is spelled in bytes" in note
        assert "take a model of this language" in note


def test_an_alphabet_is_advised_pieces_of_words(tmp_path):
    (note,) = _notes(tmp_path, ENGLISH)
    assert "give `tokenizer`=bpe" in note
    assert _notes(tmp_path, ENGLISH, tokenizer="characters") == _notes(tmp_path, CHINESE) == []
