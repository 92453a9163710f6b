"""The steps of the pipeline one after the other, without Beam: whatever comes first, the files are the same."""

import itertools
import random

import blocks
import numpy as np
import pytest
from blocks import contents, random_text, write_several

from tf_gpt2 import files
from tf_gpt2.data.holding_out import Shares
from tf_gpt2.data.pipeline import completing, dividing, finishing, launching, parts, reading, tokenising
from tf_gpt2.data.pipeline.order import Order, Summed
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.request import Settings


@pytest.fixture
def engine(monkeypatch):
    """An engine of this process, which does everything in another order than it stands, and some of it twice."""
    draw = random.Random(0)

    def all_of(step, elements, order):
        elements = list(elements)
        draw.shuffle(elements)
        for element in draw.sample(elements, len(elements) // 3):
            list(step(element, order))
        return list(itertools.chain.from_iterable(step(element, order) for element in elements))

    def of(kind, elements):
        return [element for element in elements if isinstance(element, kind)]

    def run(order, stored, runner, options):
        read = all_of(reading.read, all_of(reading.readings_of, stored, order), order)
        counted = dividing.add_up(itertools.chain.from_iterable(map(reading.occurrences, read)))
        lean = list(itertools.chain.from_iterable(map(reading.without_occurrences, read)))
        divided = list(dividing.divide(lean, order, counted))
        batches = all_of(tokenising.batches_of, of(tokenising.Chapter, divided), order)
        placed = list(finishing.place(all_of(tokenising.tokenise, batches, order), order))
        assembled = all_of(finishing.assemble, of(finishing.Assembly, divided + placed), order)
        assert list(completing.complete(of(Summed, divided + placed + assembled), order)) == ["index.json"]

    blocks.make_small(monkeypatch)
    monkeypatch.setattr(tokenising, "TOGETHER", 700)
    monkeypatch.setattr(files, "sync", lambda path: None)
    monkeypatch.setattr(launching, "_run", run)
    monkeypatch.setattr(launching, "_demand_beam", lambda: None)


def _both(texts, tmp_path, kind="characters", **shares):
    arguments = {f"{name}_fraction": share for name, share in shares.items()}
    here = prepare_corpus(
        [texts], tokenizer_kind=kind, vocab_size=300, cache_dir=tmp_path / "here", **arguments
    ).folder
    settings = Settings(kind, 300, 1, None, None, Shares(**shares))
    there = launching.prepare_by_pipeline([texts], tmp_path / "there", settings, runner="ours")
    return contents(here), contents(there)


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_files_of_several_kinds(tmp_path, kind, engine):
    (tmp_path / "texts").mkdir()
    write_several(tmp_path / "texts")
    here, there = _both(tmp_path / "texts", tmp_path, kind)
    assert here == there


def test_texts_that_are_held_out_whole(tmp_path, engine):
    (tmp_path / "texts").mkdir()
    for seed in range(110):
        text = random_text(seed, 400 if seed % 30 == 4 else 3)
        (tmp_path / "texts" / f"{seed:03}.txt").write_text(text, "utf-8")
    here, there = _both(tmp_path / "texts", tmp_path, validation=0.5, test=0.2)
    assert here == there


def test_a_text_that_lies_in_parts_is_read_as_one(tmp_path):
    order = Order(Settings("characters", 300, 1, None, None, Shares()), str(tmp_path), "nowhere", None, "")
    data = np.random.default_rng(0).bytes(5000)
    order.write("a", data[:1234])
    order.write("b", b"..." + data[1236:] + b"...")
    spans = [parts.Span("a", 0, 1234), parts.literal(data[1234:1236]), parts.Span("b", 3, 3767)]
    text = parts.PartedText(order, spans)
    text.save()
    with parts.PartedText.load(order).open("rb") as file:
        for begin, end in ((0, 5000), (1200, 1300), (1235, 1235), (4990, 6000)):
            file.seek(begin)
            assert file.read(end - begin) == data[begin:end]
    groups = list(parts.cut_to(spans, 600))
    assert [sum(span.size for span in group) for group in groups] == [600] * 8 + [200]
    assert b"".join(parts.pieces_of(order, itertools.chain.from_iterable(groups))) == data
    assert list(parts.cut_to([], 600)) == [[]]
