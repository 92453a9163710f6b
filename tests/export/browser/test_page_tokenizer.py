"""The page's tokenizer, in Node, does what tf_gpt2.tokenizer does: the same end, ids and texts for every format."""

import json
import pathlib
import shutil
import subprocess

import checkpoints
import numpy as np
import pytest

from export.browser.bundle import tokenizer_facts
from tf_gpt2.token_bytes import StreamDecoder
from tf_gpt2.tokenizer import Tokenizer

SCRIPT = pathlib.Path(__file__).with_name("encode_texts.js")
CHECKPOINTS = sorted(path.name for path in checkpoints.FOLDER.iterdir() if path.is_dir())
TEXTS = [
    "却说曹操引兵来到城下，只见城上旗号。\n玄德曰：“谁敢出马？”\n\n第二回",
    "Chapter One. It wasn't me, they've said 'so' , isn't it ? Yes ! I 'm .  two  spaces\tand a tab\r\n",
    "Élève ÀÉÎ naïve e\u0301 ﬁ Straße İstanbul ΑΣ Ωmega жизнь",
    "龘𠀀𪚥𫜴🐉👩\u200d👩\u200d👧 〇々「」『』—…·～",
    "한국어 ひらがな カタカナ ภาษาไทย हिन्दी العربية עברית",
    "[CLS][SEP][MASK][PAD][UNK] <|endoftext|> <0x41> ##a </s>",
    "\ufeff\u0000\u0001\u00ad\u200b\u2028\u3000\u00a0\ufffd\ue000\U000e0001\u0378x",
    "1234567890 3.14 50% $5 a_b-c/d\\e ^`~ + = < > | @#&*(){}",
    "x" * 101 + " " + "曹" * 120 + "\n",
    " leading and trailing \n",
    "\n",
    " ",
    "",
]


def ask(requests):
    """What the page's tokenizer answers in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node is needed; make sets it up")
    done = subprocess.run([node, SCRIPT], input=json.dumps(requests), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(tokenizer, folder):
    """Compares a tokenizer with what the page makes of the files that `save` writes."""
    tokenizer.save(folder)
    generator = np.random.default_rng(0)
    encoded = [tokenizer.encode(text).tolist() for text in TEXTS]
    # What a model may write, and ids that are no tokens.
    drawn = [generator.integers(0, tokenizer.vocab_size, 40).tolist() for _ in range(60)]
    ids = [*encoded, *drawn, [tokenizer.end_of_text_id] * 2, [tokenizer.vocab_size + 5, 1], []]
    [answer] = ask(
        [
            {
                "json": json.loads((folder / "tokenizer.json").read_text("utf-8")),
                "facts": tokenizer_facts(tokenizer),
                "texts": TEXTS,
                "ids": ids,
            }
        ]
    )
    assert answer["end"] == tokenizer.end_of_text_id
    assert answer["start"] == [tokenizer.end_of_text_id]
    for text, theirs, ours in zip(TEXTS, answer["ids"], encoded, strict=True):
        assert theirs == ours, text
    for some, theirs, pieces in zip(ids, answer["texts"], answer["pieces"], strict=True):
        assert theirs == tokenizer.decode(some), some
        stream = StreamDecoder(tokenizer)
        streamed = [*map(stream.push, some), stream.flush()]
        assert "".join(pieces) == "".join(streamed), some
        # In which piece invalid bytes show is each decoder's own choice.
        assert "\ufffd" in theirs or pieces == streamed, some


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_page_reads_every_checkpoints_tokenizer_as_python_does(name, tmp_path):
    check(Tokenizer.load(checkpoints.FOLDER / name), tmp_path)


def test_characters_too(tmp_path):
    check(Tokenizer.train_characters(["却说曹操引兵，a b\n天下大势"]), tmp_path)


def test_a_named_end_of_text_reaches_the_page(tmp_path):
    folder = checkpoints.copy("hugging_face", tmp_path)
    (folder / "added_tokens.json").write_text(json.dumps({"<完>": 284}), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<完>"}), "utf-8")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 285}), "utf-8")  # with a row for it
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.end_of_text_id == 284
    check(tokenizer, tmp_path / "saved")


def test_gpt2_chinese_ends_with_cls():
    tokenizer = Tokenizer.load(checkpoints.FOLDER / "gpt2_chinese")
    assert tokenizer_facts(tokenizer) == {"kind": "other", "end_of_text_id": 2, "vocabulary_size": 126}
