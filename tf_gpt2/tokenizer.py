"""Text to token ids and back, in one file, `tokenizer.json`, that every runtime reads.

The file is Hugging Face's format: the Python libraries `tokenizers` and `transformers` and the npm
package `@huggingface/tokenizers` open it. Two kinds are made here:

- characters: a BPE model without merges, one entry a character, and 256 byte entries that spell
  what has none (byte fallback, as in SentencePiece). Ids: `<|endoftext|>` is 0, bytes are 1 to 256,
  then characters by falling frequency.
- bpe: byte-level BPE with GPT-2's pre-tokenizer (Radford et al. 2019, section 2.2).

Any Unicode string encodes, and decodes to itself. Text that happens to spell `<|endoftext|>` or
`<0x41>` is ordinary text. Deviation from `tokenizers`: invalid byte sequences, which only a model
can produce, decode like bytes.decode in mode "replace", so valid characters beside the damage
survive; `tokenizers` gives up the whole run.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from tf_gpt2.corpus.cleaning import replace_lone_surrogates
from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.errors import UserError
from tf_gpt2.files import write_atomically
from tf_gpt2.formats import detect
from tf_gpt2.formats.rust_errors import told
from tf_gpt2.formats.tokenizer_files import read_tokenizer
from tf_gpt2.formats.unused_tokens import without_unused
from tf_gpt2.long_texts import batches_of_lines, continuing, lines_of
from tf_gpt2.run_directory import TOKENIZER_CONFIG_FILE, TOKENIZER_FILE
from tf_gpt2.token_bytes import (
    BYTE_ENTRIES,
    END_OF_TEXT,
    StreamDecoder,
    bytes_of_tokens,
    encode_characters,
    id_tables,
    tokenizer_kind,
)
from tf_gpt2.transformers_settings import transformers_settings

__all__ = ["END_OF_TEXT", "StreamDecoder", "Tokenizer"]

# What other people's tokenizers put between texts; of BERT's tokens GPT2-Chinese uses [CLS] (word_piece.py).
_OTHER_ENDS = ("[CLS]", "[SEP]", "</s>", "<eos>")
_REMEDY = "take another tokenizer.json"
_LONGEST_WHOLE = 256_000_000  # characters; each takes some 100 bytes meanwhile
_MIN_BPE_VOCABULARY = 257  # 256 bytes and the end of text


class Tokenizer:
    """Encodes and decodes text; immutable.

    Attributes:
        kind: "characters", "bpe" (byte-level) or "other" (what else `tokenizers` opens, such as
            WordPiece).
        vocab_size: Number of ids, V.
        end_of_text_id: Id of the token between documents.
    """

    def __init__(self, model: tokenizers.Tokenizer, end_of_text: str | None = None):
        """Wraps a `tokenizers.Tokenizer`; use `load` or one of the `train_` methods.

        Args:
            model: The tokenizer.
            end_of_text: The token between documents; None, or one it does not have, finds it by its usual names.
        """
        # Text that spells a special token is text: the ids of special tokens are put in by code
        # only.
        model.encode_special_tokens = True
        model.no_truncation()
        model.no_padding()
        self._model = model
        # Ids may have gaps where a vocabulary file names a token twice.
        self.vocab_size = max(model.get_vocab().values(), default=-1) + 1
        self.end_of_text_id = _find_end_of_text(model, end_of_text)
        self.kind = tokenizer_kind(model)
        # What goes on with a text whose beginning another call encodes; None where lines alone are not enough.
        self._continuing = continuing(model)
        self._pieces = bytes_of_tokens(model, self.kind)
        self._tables = id_tables(model) if self.kind == "characters" else None

    @classmethod
    def train_characters(cls, texts: Iterable[str], min_char_count: int = 1) -> "Tokenizer":
        """A character vocabulary; what is seen under `min_char_count` times is left to bytes."""
        counter = CharacterCounter()
        for text in texts:
            counter.add(text)
        return cls.from_character_counts(counter.counts(), min_char_count)

    @classmethod
    def from_character_counts(cls, counts: np.ndarray, min_char_count: int = 1) -> "Tokenizer":
        """As `train_characters`, from the [0x110000] occurrences of every code point."""
        if min_char_count < 1:
            raise UserError(f"`min_char_count` must be at least 1, got {min_char_count}. 1 keeps every character.")
        code_points = np.flatnonzero(counts >= min_char_count)
        # lexsort is by its last key first: falling frequency, ties by code point.
        order = np.lexsort((code_points, -counts[code_points]))
        entries = [END_OF_TEXT, *BYTE_ENTRIES, *map(chr, code_points[order].tolist())]
        vocabulary = {entry: token_id for token_id, entry in enumerate(entries)}
        model = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
        model.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        model.add_special_tokens([END_OF_TEXT])
        return cls(model)

    @classmethod
    def train_bpe(cls, texts: Iterable[str], vocab_size: int) -> "Tokenizer":
        """Byte-level BPE; the vocabulary is smaller when the texts run out of pairs."""
        if vocab_size < _MIN_BPE_VOCABULARY:
            raise UserError(
                f"`vocab_size` must be at least {_MIN_BPE_VOCABULARY} (256 bytes and the end of "
                f"text), got {vocab_size}. 16000 suits a few novels."
            )
        model = tokenizers.Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        model.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        model.train_from_iterator(map(replace_lone_surrogates, texts), trainer)
        return cls(model)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "Tokenizer":
        """Opens the tokenizer of a model directory of any format, or of a model on a hub.

        Raises:
            UserError: There is none, it is damaged, or it has no token that ends a text.
        """
        folder = detect.locate(folder)
        model, end_of_text = read_tokenizer(folder)
        size = detect.vocabulary_size(folder)
        try:
            with told(lambda reason: UserError(f"the tokenizer cannot be used ({reason}); take another one")):
                return cls(model if size is None else without_unused(model, size), end_of_text)
        except UserError as error:
            raise UserError(f"{folder}: {error}") from None

    def save(self, folder: str | os.PathLike, context_length: int | None = None) -> None:
        """Writes `tokenizer.json` and `tokenizer_config.json`.

        The latter is for transformers. Without it, AutoTokenizer takes the model type gpt2 from config.json and
        rebuilds the pre-tokenizer of GPT-2 around the vocabulary; with less in it, a batch has no padding, and
        version 4 hands token_type_ids to the model, which adds them to its embeddings.

        Args:
            folder: Where to.
            context_length: What transformers cuts a text to when it is asked to cut.

        Raises:
            UserError: A file cannot be written.
        """
        folder = Path(folder)
        settings = transformers_settings(self._model, self.end_of_text_id, context_length)
        text = json.dumps(settings, indent=2) + "\n"
        write_atomically(folder / TOKENIZER_FILE, self.to_json().encode())
        write_atomically(folder / TOKENIZER_CONFIG_FILE, text.encode())

    def to_json(self) -> str:
        """The content of `tokenizer.json`."""
        return self._model.to_str()

    def identity(self) -> tuple[str, int]:
        """What decides the ids of a corpus: `tokenizer.json`, and what ends a text, which that does not name."""
        return self.to_json(), self.end_of_text_id

    def encode(self, text: str) -> np.ndarray:
        """Encodes any string, special tokens not included: int32 [length].

        Unpaired surrogates, which are no characters, count as U+FFFD.

        Raises:
            UserError: A tokenizer of another program cannot encode it.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """As `encode` for several strings, on all cores: a list of int32 [length]."""
        return self._encode(self._model, texts)

    def encode_long(self, text: str) -> Iterator[np.ndarray]:
        """As `encode`, in pieces int32 [length] that are its ids together: what a novel needs in memory is bounded.

        Some tokenizers treat a text's beginning in a way of its own (a space is put before it, say), and some find
        tokens that reach over lines; these encode the text as a whole.
        """
        for ids, _ in self.encode_pieces([replace_lone_surrogates(text)]):
            yield ids

    def encode_pieces(self, pieces: Iterable[str], *, begins: bool = True) -> Iterator[tuple[np.ndarray, str]]:
        """As `encode_long`, of a text that comes in pieces: ids, int32 [length], and the text that they stand for.

        Args:
            pieces: Strings without unpaired surrogates, the text together.
            begins: Whether the text begins with them; else it goes on, after text of an earlier call.

        Raises:
            UserError: The tokenizer has to hold the whole text and that is too long, or cannot encode it.
        """
        for number, batch in enumerate(self.batches(pieces)):
            yield self.encode_batch_of_lines(batch, begins=begins and not number), batch

    def batches(self, pieces: Iterable[str]) -> Iterator[str]:
        """A text that comes in pieces, in parts whose ids one after the other are those of the text.

        Raises:
            UserError: The tokenizer has to hold the whole text and that is too long.
        """
        if self._continuing is None:
            yield _whole(pieces)
        else:
            yield from batches_of_lines(pieces)

    def encode_batch_of_lines(self, batch: str, *, begins: bool) -> np.ndarray:
        """The ids of a part that `batches` gave, int32 [length]; `begins` where the text begins with it."""
        if self._continuing is None:
            return self.encode(batch)
        if self._tables is not None:
            return encode_characters([batch], *self._tables)[0]
        lines = lines_of(batch)
        first = [self.encode(lines.pop(0))] if begins else []
        return np.concatenate([*first, *self._encode(self._continuing, lines)])

    def encode_joined(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """As `encode_batch`, quick for very many short strings.

        Returns:
            The ids of the strings one after the other, int32 [total], and how many each has, int64 [strings].
        """
        if self._tables is not None:
            return encode_characters([replace_lone_surrogates(text) for text in texts], *self._tables)
        encoded = self.encode_batch(texts)
        return np.concatenate([np.zeros(0, np.int32), *encoded]), np.array([len(ids) for ids in encoded], np.int64)

    def _encode(self, model: tokenizers.Tokenizer, texts: Sequence[str]) -> list[np.ndarray]:
        texts = [replace_lone_surrogates(text) for text in texts]
        if self._tables is not None:
            return [encode_characters([text], *self._tables)[0] for text in texts]
        with told(lambda reason: UserError(f"the model's tokenizer cannot encode a text ({reason}); {_REMEDY}")):
            encodings = model.encode_batch_fast(texts, add_special_tokens=False)
        return [np.asarray(encoding.ids, np.int32) for encoding in encodings]

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> str:
        """Decodes ids; incomplete characters become U+FFFD, unknown ids are passed over.

        Args:
            ids: Token ids, 0 and up, of any integer type.
            skip_special_tokens: Leave `<|endoftext|>` out instead of writing its name.
        """
        ids = np.asarray(list(ids), np.int64).tolist()
        if self._pieces is None:
            known = [i for i in ids if 0 <= i < self.vocab_size]
            with told(lambda reason: UserError(f"the model's tokenizer cannot decode ({reason}); {_REMEDY}")):
                return self._model.decode(known, skip_special_tokens=skip_special_tokens)
        if skip_special_tokens:
            ids = [i for i in ids if i != self.end_of_text_id]
        return b"".join(self.token_bytes(i) or b"" for i in ids).decode("utf-8", "replace")

    def has_token(self, characters: Sequence[str]) -> np.ndarray:
        """Whether each of some distinct characters is one known token by itself: bool [n]."""
        if self._tables is not None:
            return np.array([self._tables[0][ord(c)] >= 0 for c in characters], bool)
        unknown = self._model.token_to_id(getattr(self._model.model, "unk_token", None) or "")
        encoded = self._encode(self._continuing or self._model, characters)
        return np.array([len(ids) == 1 and ids[0] != unknown for ids in encoded], bool)

    def token_bytes(self, token_id: int) -> bytes | None:
        """The bytes of a token, none outside the vocabulary; None for kind "other"."""
        if self._pieces is None:
            return None
        return self._pieces[token_id] if 0 <= token_id < len(self._pieces) else b""


def _whole(pieces: Iterable[str]) -> str:
    taken, length = [], 0
    for piece in pieces:
        taken.append(piece)
        length += len(piece)
        if length > _LONGEST_WHOLE:
            raise UserError(
                f"A text for this tokenizer, which reads over line ends, must have at most {_LONGEST_WHOLE:,} "
                "characters: one has more. Part the text with `separator`, or take another tokenizer."
            )
    return "".join(taken)


def _find_end_of_text(model: tokenizers.Tokenizer, named: str | None) -> int:
    for name in (named or END_OF_TEXT, END_OF_TEXT, *_OTHER_ENDS):
        if (token_id := model.token_to_id(name)) is not None:
            return token_id
    raise UserError(
        f"A tokenizer must have a token that ends a text ({END_OF_TEXT} or one of "
        f"{', '.join(_OTHER_ENDS)}): this one has none. Add one to tokenizer.json."
    )
