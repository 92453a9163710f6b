import pytest

from tf_gpt2.run_directory import sample_path
from tf_gpt2.training.samples import SampleWriter


class _Model:
    """Writes what it is told to."""

    def __init__(self, text):
        self._text = text

    def generate(self, prompt, **_):
        return prompt + self._text


@pytest.mark.parametrize(
    ("prompt", "text", "shown"),
    [
        ("", "却说曹操", "却说曹操"),
        ("", "", "(it ended the text at once)"),
        ("却说", "", "却说(it ended the text at once)"),
    ],
)
def test_a_sample_is_kept_and_shown_and_an_empty_one_says_so(tmp_path, prompt, text, shown):
    written = SampleWriter(tmp_path, prompt=prompt, seed=-1)(1200, _Model(text))
    assert written == f"--- written at step 1,200\n{shown}\n---"
    assert sample_path(tmp_path, 1200).read_text("utf-8") == prompt + text
