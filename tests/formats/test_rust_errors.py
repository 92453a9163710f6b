"""What the library of tokenizers gives up with is one line, and nothing of it reaches the terminal past Python."""

import json
import threading

import checkpoints
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.formats.rust_errors import told
from tf_gpt2.tokenizer import Tokenizer


def _edit(folder, **changes):
    Tokenizer.load(folder).save(folder)
    description = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps({**description, **changes}), "utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},  # a panic while it is opened
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},  # a panic while it encodes
        {
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": "(a+)+$"},
                "behavior": "Isolated",
                "invert": False,
            }
        },
        {"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"<|endoftext|>": 0}}},  # an error while it does
        {"added_tokens": [{"id": "0"}]},
        {"model": []},
    ],
)
def test_a_panic_is_one_line(tmp_path, changes, capfd):
    folder = checkpoints.copy("hugging_face", tmp_path)
    _edit(folder, **changes)
    with pytest.raises(UserError) as caught:
        Tokenizer.load(folder).encode("a" * 40 + "!")
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 500
    assert capfd.readouterr() == ("", "")


def test_the_terminal_comes_back_after_many_threads(capfd):
    import os

    def work():
        for _ in range(50):
            with told(UserError):
                os.write(2, b"unseen")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_ctrl_c_is_not_taken_for_an_error():
    with pytest.raises(KeyboardInterrupt), told(UserError):
        raise KeyboardInterrupt
