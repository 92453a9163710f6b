"""What must be equal in all processes of a training: each difference is found, and named."""

import dataclasses
import importlib.metadata
import json
import shutil

import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.token_files import INDEX_NAME
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import model_weights, save_model_directory
from tf_gpt2.training.devices import DevicePlan
from tf_gpt2.training.distributed import facts as facts_module
from tf_gpt2.training.distributed.cluster import Cluster
from tf_gpt2.training.distributed.facts import facts, sources_digest
from tf_gpt2.training.distributed.meeting import difference
from tf_gpt2.training.options import TrainingOptions

PLAN = DevicePlan((), 1, "float32")


def _difference(one, other):
    return difference({0: one, 1: other}, Cluster(("a:1", "b:1"), 0))


def test_the_same_is_no_difference(small_corpus):
    one, other = (facts(TrainingOptions(resume=resume), small_corpus, PLAN) for resume in (True, False))
    assert _difference(one, other) == ""


@pytest.mark.parametrize("name", ["tensorflow", "keras", "tokenizers", "opencc", "chardet"])
def test_other_software_is_named_with_its_process(small_corpus, name, monkeypatch):
    here, version = facts(TrainingOptions(), small_corpus, PLAN), importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda asked: "0.0.1" if asked == name else version(asked))
    line = _difference(here, facts(TrainingOptions(), small_corpus, PLAN))
    assert line.startswith("the software must be the same on every worker; worker 1 (b:1) has tensorflow ")
    assert f"{name} 0.0.1" in line and f"{name} {version(name)}" in line


def test_software_under_another_name_is_no_traceback(small_corpus, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert "opencc of another build" in facts(TrainingOptions(), small_corpus, PLAN)["the software"]


def test_a_changed_source_is_another_program(small_corpus, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "windows.py").write_bytes(b"a = 1\n")
    before = sources_digest(tmp_path)
    (tmp_path / "data" / "windows.py").write_bytes(b"a = 1\r\n")
    (tmp_path / "notes.txt").write_text("no source")
    assert sources_digest(tmp_path) == before
    (tmp_path / "data" / "windows.py").write_bytes(b"a = 2\n")
    assert sources_digest(tmp_path) != before
    here = facts(TrainingOptions(), small_corpus, PLAN)
    monkeypatch.setattr(facts_module, "sources_digest", lambda: "0123456789ab")
    line = _difference(here, facts(TrainingOptions(), small_corpus, PLAN))
    assert line.startswith("this program must be the same on every worker; worker 1 (b:1) has tf_gpt2 ")
    assert "with sources 0123456789ab" in line


@pytest.mark.parametrize("name", ["train.bin", "validation.bin", "tokenizer.json"])
def test_other_tokens_of_the_same_texts_are_named(small_corpus, name, tmp_path):
    folder = shutil.copytree(small_corpus.folder, tmp_path / small_corpus.folder.name)
    index = json.loads((folder / INDEX_NAME).read_text("utf-8"))
    index["files"][name]["crc32"] ^= 1
    (folder / INDEX_NAME).write_text(json.dumps(index), "utf-8")
    other = dataclasses.replace(small_corpus, folder=folder)
    line = _difference(*(facts(TrainingOptions(), corpus, PLAN) for corpus in (small_corpus, other)))
    assert line.startswith("what was prepared of `corpus` must be the same on every worker; worker 1 (b:1) has ")


def test_other_teachers_in_a_folder_of_the_same_name_are_named(small_corpus, tmp_path):
    config = GPT2Config(
        small_corpus.tokenizer.vocab_size, context_length=8, num_layers=1, num_heads=2, hidden_dim=8
    )
    model, told = build_model(config), []
    for factor in (1, 2):
        for variable in model.trainable_variables:
            variable.assign(variable * factor)
        save_model_directory(tmp_path / "teacher", config, model_weights(model, config), small_corpus.tokenizer)
        asked = TrainingOptions(distill_from=(str(tmp_path / "teacher"),))
        told.append(facts(asked, small_corpus, PLAN))
    line = _difference(*told)
    assert line.startswith("the weights in `distill_from` must be the same on every worker; worker 1 (b:1) has ")
