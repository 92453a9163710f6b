"""The flags of the commands that read a corpus: which texts, how they are read, divided and tokenised."""

from tf_gpt2.flags import Flags
from tf_gpt2.training.options import TOKENIZERS, TrainingOptions

_DEFAULTS = TrainingOptions()
# Options of a training that decide what a prepared corpus holds.
NAMES = (
    "init_from", "tokenizer", "vocab_size", "min_char_count", "encoding", "script", "separator", "text_field",
    "validation_fraction", "test_fraction", "split_seed",
)  # fmt: skip


def declare_corpus(flags: Flags) -> None:
    """Declares --corpus."""
    flags.strings(
        "corpus",
        None,
        "Your texts: files, folders, globs or addresses (gs://...), several with commas (.txt, .md, .epub, .jsonl, "
        ".json, .csv, .tsv). "
        "Without it the sample corpus, Romance of the Three Kingdoms, is fetched.",
        value="PATH,...",
    )


def declare_tokenizer(flags: Flags) -> None:
    """Declares --tokenizer."""
    flags.choice(
        "tokenizer",
        None,
        TOKENIZERS,
        "characters: one token a character, fit for Chinese; bpe: byte-level pieces learned from your text, fit "
        f"for alphabets. Default: {TOKENIZERS[0]}.",
    )


def declare_reading(flags: Flags) -> None:
    """Declares how texts are read and divided."""
    flags.group("Reading the text")
    flags.string(
        "encoding",
        None,
        "Encoding of the text files, if recognising it went wrong (gb18030, big5, ...).",
        value="NAME",
    )
    flags.choice("script", None, ["simplified", "traditional"], "Convert Chinese text to one script.")
    flags.string(
        "separator",
        None,
        "Line that parts the texts of a .txt or .md file, <|endoftext|> say. Default: each file is one text.",
        value="LINE",
    )
    flags.string(
        "text_field",
        None,
        "Field or column that holds the text, in .jsonl, .json, .csv and .tsv. Default: text, or the only column.",
        value="NAME",
    )
    flags.integer("vocab_size", None, "Size of the bpe vocabulary. Default: 16000.", least=257)
    flags.integer("min_char_count", None, "Characters seen fewer times are spelled in bytes. Default: 3.", least=1)
    flags.number(
        "validation_fraction",
        _DEFAULTS.validation_fraction,
        "Share of the text held out to measure the model on: whole texts from 100 on, else the end of every book.",
    )
    flags.number(
        "test_fraction",
        None,
        "Share that no decision reads, for the last report. Default: 0.02 from 100,000 characters on.",
    )
    flags.integer("split_seed", _DEFAULTS.split_seed, "Which texts are held out, where whole ones are.")
