"""Whole inputs of every kind, small, before they are damaged."""

import io
import json
import pathlib
import tempfile
import types
import zipfile

import numpy as np

PROSE = "却说曹操引军渡河，A king of 東吳.\n「玄德」曰：何不速戰？\r\n\tЁж, naïve façade — 5% of it.\n"
_OTHERS = {
    "gb18030": "却说曹操引军渡河，天下大势，分久必合，合久必分。\n周末七国分争，并入于秦。\n" * 8,
    "big5": "卻說曹操引軍渡河，天下大勢，分久必合，合久必分。\n" * 8,
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 8,
    "euc_jp": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 8,
    "iso2022_jp": "吾輩は猫である。名前はまだ無い。\n" * 8,
    "euc_kr": "옛날 옛적에 호랑이가 살았습니다. 그리고 아무도 그것을 몰랐다.\n" * 8,
    "hz": "却说曹操引军渡河。\n" * 8,
    "cp1251": "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему.\n" * 8,
    "koi8_r": "Все смешалось в доме Облонских.\n" * 8,
    "cp1252": "Il était une fois « une fée » — naïve, déçue, où l’on s’aime. Größe, Übel.\n" * 8,
    "iso8859_2": "Příliš žluťoučký kůň úpěl ďábelské ódy. Zażółć gęślą jaźń.\n" * 8,
    "utf_16": PROSE * 8,
    "utf_16_be": PROSE * 8,
    "utf_32": PROSE * 4,
    "utf_8_sig": PROSE * 8,
}
TRAINING = {
    "model": {"vocabulary_size": 300, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "dropout": 0.1},
    "training": {"steps": 100, "batch_size": 4, "optimizer": "muon", "learning_rate": 0.01, "seed": 0},
    "corpus": {"prepared": "0" * 32, "books": ["三国演义", "红楼梦"], "train_tokens": 900, "validation_tokens": 50},
    "init_from": {"folder": "../gpt2"},
    "environment": {"tensorflow": "2.21.0", "xla_flags": "", "device": "CPU"},
}
_METRICS = [
    {"step": 10, "split": "train", "loss": 5.5, "learning_rate": 0.01, "tokens_per_s": 1000.5},
    {"step": 20, "split": "validation", "loss": 5.0},
    {"step": 20, "split": "train", "loss": 4.9},
    {"step": 40, "split": "validation", "loss": 4.5},
]


def _dump(value):
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _lines(values):
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def texts():
    """Novels in many encodings."""
    return [(PROSE * 20).encode(), *(text.encode(encoding) for encoding, text in _OTHERS.items())]


def named_texts():
    """A folder of a novel and a list, whose names count."""
    return [{"books/三国演义.txt": (PROSE * 9).encode(), "books/texts.jsonl": _lines([PROSE, "曹操"] * 3)}]


def json_lines():
    """One JSON value a line: corpora and prompts."""
    records = [{"text": PROSE, "prompt": PROSE, "title": f"第{number}回", "label": number} for number in range(5)]
    return [_lines(records), _lines([PROSE, "曹操", "a b"] * 3), _lines(records).replace(b"\n", b"\r\n")]


def json_lists():
    """What GPT2-Chinese and dumps of data sets hold."""
    records = [{"text": PROSE, "title": f"第{number}回"} for number in range(5)]
    return [_dump([PROSE] * 10), _dump(records), _lines(records), _dump({"title": "x", "paragraphs": [PROSE, "a"]})]


def tables(comma):
    """Tables with a column of texts."""
    head, row = ["id", "text", "label"], ['"{}"', '"' + PROSE.replace('"', '""') + '"', "1"]
    rows = [comma.join(row).format(number) for number in range(6)]
    plain = [comma.join(["prompt", "label"]), *(comma.join(["曹操曰", str(number)]) for number in range(6))]
    whole = "\r\n".join([comma.join(head), *rows]) + "\r\n"
    return [whole.encode(), whole.encode("utf-8-sig"), "\n".join(plain).encode(), whole.encode("utf-16")]


def epubs():
    """A book of three chapters."""
    container = (
        '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="O/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    names = [f"c{number}.xhtml" for number in range(3)]
    items = "".join(f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in names)
    spine = "".join(f'<itemref idref="{n}"/>' for n in names)
    package = (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>三国 &amp; 志</dc:title></metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    chapter = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><head><title>回</title><style>p {}</style>'
        "</head><body><h1 class='a'>第一回</h1><!-- note -->"
        f"<p>{PROSE}<br/>&#26360;&nbsp;</p><ruby>漢<rt>かん</rt></ruby>"
        "<script>if (a < b) {}</script><table><tr><td>a</td></tr></table></body></html>"
    )
    files = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "O/book.opf": package}
    files |= {f"O/{name}": chapter for name in names}
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return [output.getvalue()]


def _small():
    """Configuration, weights and tokenizer of a model of one layer."""
    from tf_gpt2.config import GPT2Config
    from tf_gpt2.formats.weights import tensor_shapes
    from tf_gpt2.tokenizer import Tokenizer

    tokenizer = Tokenizer.train_characters([PROSE])
    config = GPT2Config(tokenizer.vocab_size, context_length=16, num_layers=1, num_heads=2, hidden_dim=8)
    return config, {name: np.full(s, 0.1, np.float32) for name, s in tensor_shapes(config).items()}, tokenizer


def model_directories():
    """A run directory after its training."""
    from tf_gpt2.model_directory import save_model_directory

    with tempfile.TemporaryDirectory() as folder:
        save_model_directory(folder, *_small())
        files = _read(folder)
    return [files | {"training.json": _dump(TRAINING), "metrics.jsonl": _lines(_METRICS)}]


def gpt_2_simple():
    """OpenAI's files as gpt-2-simple leaves them: numbered, with its counter, under an absolute path."""
    folder = pathlib.Path(__file__).parents[1] / "fixtures" / "checkpoints" / "openai"
    files = {path.name.replace("model.ckpt", "model-100"): path.read_bytes() for path in folder.iterdir()}
    del files["expected.npz"]
    state = 'model_checkpoint_path: "/content/checkpoint/run1/model-100"\nall_model_checkpoint_paths: "model-100"\n'
    return [files | {"checkpoint": state.encode(), "counter": b"100\n"}]


class _Variable:
    """As much of a Keras variable as checkpoints need."""

    def __init__(self, name, value):
        self.name, self.value, self.shape, self.dtype = name, value, value.shape, value.dtype.name

    def assign(self, value):
        self.value = np.asarray(value).reshape(self.shape)


def variables():
    """Those of a model, as training has them."""
    _, weights, _ = _small()
    return [_Variable(name, array.copy()) for name, array in weights.items()]


def killed_runs():
    """A training that was killed before it wrote its model; with the checksum of its checkpoint and without."""
    from tf_gpt2.formats.training_checkpoint import CHECKSUM, describe_model
    from tf_gpt2.training.checkpoints import snapshot_checkpoint, variable_keys

    config, weights, tokenizer = _small()
    live = variables()
    description = describe_model(config, dict(zip(weights, variable_keys(live), strict=True)))
    state = {"step": 20, "best_validation_loss": 4.5, "best_step": 10}
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder, "checkpoints")
        tokenizer.save(place)
        file = snapshot_checkpoint(place, 20, live, state, keep=1, description=description)()
        whole = _read(folder) | {"training.json": _dump(TRAINING)}
        name = str(file.relative_to(folder))
    length = int.from_bytes(whole[name][:8], "little")
    header = json.loads(whole[name][8 : 8 + length])
    del header["__metadata__"][CHECKSUM]
    text = json.dumps(header).encode()
    older = len(text).to_bytes(8, "little") + text + whole[name][8 + length :]
    return [whole, whole | {name: older}]


def prepared_corpora():
    """A corpus in the cache."""
    from tf_gpt2.data.prepare import prepare_corpus

    with tempfile.TemporaryDirectory() as folder:
        book = pathlib.Path(folder, "book.txt")
        book.write_text(PROSE * 20, "utf-8")
        return [_read(prepare_corpus([book], cache_dir=pathlib.Path(folder, "cache")).folder)]


def _read(folder):
    paths = (path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def dialogues():
    """What people type."""
    lines = (
        "却说曹操", "", "/", "/set", "/set stop \\", "/set stop \\n", "/set stop \\u4f60", "/set stop \\x", "/help",
        "/settings", "/set temperature 0.5", "/set temperature nan", "/set top_k 5", "/set seed none", "/more",
        "/set seed 12", "/set max_new_tokens 3", "/set stop_at_end_of_text false", "/nonsense", "  /more ", "/ set",
        "/set colour red", "a\tb", "//", "/set top_p 1e-9", "/set repetition_penalty -1",
    )  # fmt: skip
    return [{"lines.txt": "\n".join(lines).encode()}, {"lines.txt": "\n".join(lines[1:12:2]).encode()}]


class Echo:
    """A model that answers with how its prompt begins: with all of it, /more would double it for ever."""

    def __init__(self):
        self.prompts = []

    def stream_passage(self, prompt, settings):
        """As TextGenerator.stream_passage."""
        self.prompts.append(prompt)
        yield from (prompt[begin : begin + 1000] for begin in range(0, min(len(prompt), 3000), 1000))
        yield types.SimpleNamespace(cut_tokens=len(prompt) // 500)
