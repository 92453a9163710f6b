"""GPT2-Chinese's conventions, in every runtime that reads tokenizer.json."""

import checkpoints
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from tf_gpt2.errors import UserError
from tf_gpt2.formats.word_piece import with_gpt2_chinese_conventions, word_piece
from tf_gpt2.token_bytes import StreamDecoder
from tf_gpt2.tokenizer import Tokenizer

ENTRIES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"话说天下，。“”a.",
    "hello",
    "##s",
    "##a",
    "[",
    "]",
    "sep",
]


@pytest.fixture
def tokenizer():
    return Tokenizer(word_piece(ENTRIES))


@pytest.mark.parametrize(
    "text",
    ["话说天下，说。", "话\n说\n\n天", "“话说”\nhello a.", "hello hellos a", "\n话", "话hello说"],
)
def test_text_comes_back_without_spaces_between_chinese_characters(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_line_feed_is_sep_and_a_text_is_bounded_by_cls(tokenizer):
    assert tokenizer.encode("话\n说").tolist() == [5, 3, 6]
    assert tokenizer.end_of_text_id == 2
    assert tokenizer.decode([2, 4, 5, 3, 6, 0, 2], skip_special_tokens=True) == "话\n说"


def test_mask_and_padding_are_silent(tokenizer):
    assert tokenizer.decode([4, 15, 4, 15, 0]) == "hello hello"


def test_unknown_characters_do_not_stop_anything(tokenizer):
    assert tokenizer.encode("话嫙😀").tolist() == [5, 1, 1]
    assert "话" in tokenizer.decode([5, 1, 99, 6])


def test_text_that_spells_a_special_token_is_text(tokenizer):
    assert 3 not in tokenizer.encode("[SEP]")
    assert tokenizer.encode("[SEP]").tolist() == [18, 20, 19]


def test_streamed_text_is_the_decoded_text(tokenizer):
    ids = [4, *tokenizer.encode("话hello a.\n\n“说”hellos 天下。"), 1, 3, 15, 0]
    stream = StreamDecoder(tokenizer)
    assert "".join(map(stream.push, ids)) + stream.flush() == tokenizer.decode(ids)


def test_the_conventions_are_saved(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    text = "话说\n天下 hello"
    assert again.encode(text).tolist() == tokenizer.encode(text).tolist()
    assert again.decode(again.encode(text)) == tokenizer.decode(tokenizer.encode(text))
    assert again.end_of_text_id == 2
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.decode(library.encode("话说\n天下").ids) == "话说\n天下"


def test_a_fast_berts_tokenizer_json_follows_too(tokenizer):
    plain = tokenizers.Tokenizer(models.WordPiece({e: i for i, e in enumerate(ENTRIES)}, unk_token="[UNK]"))
    plain.normalizer = normalizers.BertNormalizer()
    plain.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    plain.decoder = decoders.WordPiece()
    adapted = Tokenizer(with_gpt2_chinese_conventions(plain))
    for text in ("话\n说 hellos", "[CLS]", "é"):
        assert adapted.encode(text).tolist() == tokenizer.encode(text).tolist()


def test_case_is_kept_where_the_folder_says_so(tmp_path):
    folder = checkpoints.copy("gpt2_chinese", tmp_path)
    assert 1 not in Tokenizer.load(folder).encode("IT")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert Tokenizer.load(folder).encode("IT").tolist() == [1]


def test_a_vocabulary_needs_the_unknown_token():
    with pytest.raises(UserError, match=r"\[UNK\]"):
        word_piece(["a", "[CLS]"])
