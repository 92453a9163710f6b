"""The SavedModel opens without anything of ours, and holds what a stock server needs and nothing that it lacks."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf
from commands import call, error_line
from conftest import write_served_model
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

from export.serving.saved_model import write_savedmodel
from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings, load

SIGNATURES = {"serving_default", "prompt_only", "next_token", "score", "tokenize", "detokenize"}


@pytest.fixture(scope="module")
def library(served_run_dir):
    return load(served_run_dir)


def _expected(library, prompt, **settings):
    return next(library.write([prompt], GenerationSettings(**settings)))


_FRESH = """
import json, sys
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
answer = signatures["serving_default"](
    prompt=tf.constant(["却说曹操"]), max_new_tokens=tf.constant([40]), temperature=tf.constant([1.0]),
    top_k=tf.constant([40]), top_p=tf.constant([1.0]), repetition_penalty=tf.constant([1.0]),
    finish_sentence=tf.constant([False]),
    seed=tf.constant([1], tf.int64))
ours = [name for name in sys.modules if name.split(".")[0] in ("tf_gpt2", "export", "tensorflow_text", "keras_nlp")]
print(json.dumps([answer["text"].numpy()[0].decode(), ours, sorted(signatures)]))
"""


def test_a_fresh_process_opens_it(served_model, library, tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", _FRESH, str(served_model)], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    text, ours, signatures = json.loads(result.stdout.splitlines()[-1])
    assert text == _expected(library, "却说曹操", max_new_tokens=40, seed=1).text
    assert ours == [] and set(signatures) == SIGNATURES


_CLI = """
import sys
from absl import flags
from tensorflow.python.tools import saved_model_cli
for signature, expression in zip(sys.argv[2::2], sys.argv[3::2]):
    flags.FLAGS(["saved_model_cli", "--dir", sys.argv[1], "--tag_set", "serve", "--signature_def", signature,
                 "--input_exprs", expression])
    print("signature", signature)
    saved_model_cli.run()
"""


@pytest.mark.slow
def test_saved_model_cli_runs_every_signature(served_model, tmp_path):
    """`saved_model_cli run`, several times in one process; settings that are left out have their defaults."""
    key = dict.fromkeys(SIGNATURES, 'prompt=["却说"]') | dict.fromkeys(("score", "tokenize"), 'text=["却说"]')
    key["detokenize"] = "tokens=[[257, 258]]"
    arguments = [part for signature in sorted(key) for part in (signature, key[signature])]
    command = [sys.executable, "-c", _CLI, str(served_model), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    answers = dict(part.split("\n", 1) for part in result.stdout.split("signature ")[1:])
    assert set(answers) == SIGNATURES
    assert all("Result for output key" in answer for answer in answers.values())


def _graph(served_model):
    proto = saved_model_pb2.SavedModel.FromString((served_model / "saved_model.pb").read_bytes())
    return proto.meta_graphs[0]


def test_nothing_in_the_graph_that_a_stock_server_lacks(served_model):
    graph = _graph(served_model).graph_def
    functions = graph.library.function
    nodes = [*graph.node, *(node for function in functions for node in function.node_def)]
    operations = {node.op for node in nodes}
    assert not {op for op in operations if "PyFunc" in op or "Xla" in op or "HashTable" in op}
    assert not [f for f in functions if f.attr["_XlaMustCompile"].b] and not [
        node for node in nodes if node.attr["_XlaMustCompile"].b
    ]
    from tensorflow.python.framework import op_def_registry

    assert all(op_def_registry.get(op) is not None for op in operations)
    constants = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
    # Strings are names of variables.
    largest = max(tensor.ByteSize() for tensor in constants if tensor.dtype != tf.string.as_datatype_enum)
    assert largest < 1000  # weights and tables are variables
    assert graph.ByteSize() < 2_000_000


@pytest.fixture(scope="module")
def shallow_run_dir(tmp_path_factory):
    """A model of one layer: what is asked of it is asked of each size of a batch."""
    return write_served_model(tmp_path_factory.mktemp("shallow"), num_layers=1)


@pytest.fixture(scope="module")
def compiled(shallow_run_dir, served_limits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("xla") / "tiny" / "1"
    write_savedmodel(shallow_run_dir, folder, limits=served_limits, xla=True)
    return folder


def test_xla_is_opted_in(compiled):
    functions = _graph(compiled).graph_def.library.function
    assert [f for f in functions if f.attr["_XlaMustCompile"].b]
    batching = (compiled.parent / "batching_parameters.txt").read_text()
    assert "allowed_batch_sizes: 2\nallowed_batch_sizes: 4\n" in batching


@pytest.mark.slow
def test_compiled_by_xla_it_writes_the_same(compiled, shallow_run_dir, served_limits):
    library = load(shallow_run_dir)
    settings = {"seed": tf.constant([1, 2], tf.int64), "max_new_tokens": tf.constant([60])}
    inputs = {**served_limits.defaults(), **settings, "prompt": tf.constant(["却说", ""])}
    answer = tf.saved_model.load(str(compiled)).signatures["serving_default"](**inputs)
    for row, prompt in enumerate(["却说", ""]):
        expected = _expected(library, prompt, max_new_tokens=60, seed=row + 1)
        assert answer["text"][row].numpy().decode() == expected.text


def test_the_command_adds_a_version(shallow_run_dir, tmp_path, capfd):
    from tensorflow_serving.config import model_server_config_pb2

    folder = tmp_path / "novels-1.2"
    (folder / "1").mkdir(parents=True)
    flags = (f"--run_dir={shallow_run_dir}", f"--output={folder / '2'}", "--max_batch_size=3")
    code, output, errors = call("export.savedmodel", *flags)
    assert (code, errors, *capfd.readouterr()) == (0, "", "", "")  # nor does what is not Python say a word
    assert set(json.loads(output)["signatures"]) == SIGNATURES
    assert {path.name for path in folder.iterdir()} == {"1", "2", "models.config", "batching_parameters.txt"}
    text = (folder / "models.config").read_text()
    (model,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert (model.name, model.base_path) == ("novels-1.2", "/models/novels-1.2")
    assert "max_batch_size { value: 3 }" in (folder / "batching_parameters.txt").read_text()


@pytest.mark.parametrize("output", ["", "models/tiny", "models/tiny/0", "models/tiny/v1", "models/ti ny/1"])
def test_outputs_that_are_no_version_are_refused(output):
    with pytest.raises(UserError, match="version"):
        write_savedmodel("nowhere", output)


def test_the_commands_mistakes_are_one_line():
    assert "version" in error_line("export.savedmodel", "--run_dir=nowhere", "--output=models/tiny")


def test_a_version_is_never_written_over(served_run_dir, served_model):
    with pytest.raises(UserError, match="new or empty folder"):
        write_savedmodel(served_run_dir, served_model)
