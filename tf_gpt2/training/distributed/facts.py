"""What must be equal in all processes that train together: program, flags, tokens, teachers, devices."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
from typing import TYPE_CHECKING

import tf_gpt2
from tf_gpt2.data.shards import shard_names
from tf_gpt2.data.token_files import INDEX_NAME, TOKENIZER_NAME, PreparedCorpus
from tf_gpt2.files import read_bounded
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.teachers import open_teachers

if TYPE_CHECKING:
    from tf_gpt2.training.devices import DevicePlan

# What computes, and what recognises, converts and cuts the texts. A build may be installed under another name.
_SOFTWARE = ("tensorflow", "keras", "tokenizers", "opencc", "chardet")
_DIGITS = 12


def facts(asked: TrainingOptions, prepared: PreparedCorpus, plan: DevicePlan) -> dict[str, str]:
    """What must be equal in all processes, by how a message calls it.

    Raises:
        UserError: A teacher cannot be opened.
    """
    files = prepared.folder.name[:_DIGITS]  # a hash of them and of how they were read
    options = {f"`{name}`": str(value) for name, value in dataclasses.asdict(asked).items() if name != "resume"}
    teachers = open_teachers(asked.distill_from or (), prepared.tokenizer)
    return {
        "this program": f"tf_gpt2 {tf_gpt2.__version__} with sources {sources_digest()}",
        "the software": ", ".join(f"{name} {_version(name)}" for name in _SOFTWARE),
        **options,
        "`corpus`": f"{len(prepared.documents):,} texts, {len(prepared.train):,} tokens ({files})",
        "what was prepared of `corpus`": f"tokens and tokenizer {_prepared_digest(prepared)}",
        "the weights in `distill_from`": ", ".join(teacher.digest for teacher in teachers),
        "the devices": f"{plan.number} × {plan.description}",
        "the precision": plan.precision,
    }


def sources_digest(folder: pathlib.Path | None = None) -> str:
    """A hash of the Python files below a folder, None for this package's; line ends do not count."""
    folder = folder or pathlib.Path(tf_gpt2.__file__).parent
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
        source = path.read_bytes().replace(b"\r\n", b"\n")
        found.update(f"{path.relative_to(folder).as_posix()} {len(source)}\n".encode() + source)
    return found.hexdigest()[:_DIGITS]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of another build"


def _prepared_digest(prepared: PreparedCorpus) -> str:
    """A hash of the sums that the index of the corpus has of its tokens and its tokenizer."""
    from tf_gpt2.schemas import PreparedIndex

    index = PreparedIndex.model_validate_json(read_bounded(prepared.folder / INDEX_NAME))
    names = [TOKENIZER_NAME]
    for split, stream in prepared.streams.items():
        names += shard_names(split, len(stream), index.shard_tokens)
    sums = {name: index.files[name].model_dump() for name in names}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()[:_DIGITS]
