"""Each shader against float64, shapes that fit no tile included, on Chromium's software adapter."""

import base64
import pathlib

import numpy as np
import pytest

from web.site_server import SiteServer
from web.web_page import WEBGPU

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent.parent / "web" / "src"
RUN = (HERE / "run_shader.js").read_text("utf-8")
POSITION, CONTEXT = 5, 70


@pytest.fixture(scope="module")
def shaders(chromium):
    """Runs a shader and returns its last buffer, [numbers]."""
    server = SiteServer(SOURCES)
    page = chromium(*WEBGPU).new_context().new_page()
    page.goto(server.url + "icon.svg")
    if not page.evaluate("navigator.gpu?.requestAdapter().then((adapter) => adapter !== null)"):
        pytest.skip("this Chromium has no WebGPU adapter")

    def run(module, shader, shape, buffers, *, workgroups, chunk=(0, 1, 0), outputs=1, dtype=np.float32):
        encoded = [
            content if isinstance(content, int) else base64.b64encode(content.tobytes()).decode()
            for content in buffers
        ]
        result = page.evaluate(
            RUN,
            {
                "folder": server.url + "runtime/webgpu",
                "module": module,
                "shader": shader,
                "shape": shape,
                "chunk": [*chunk, 0],
                "buffers": encoded,
                "outputs": outputs,
                "workgroups": workgroups,
            },
        )
        return np.frombuffer(base64.b64decode(result), dtype)

    yield run
    page.context.close()
    server.stop()


def padded(size):
    return -(-size // 4) * 4


def pad_rows(array):
    return np.pad(array, ((0, 0), (0, padded(array.shape[1]) - array.shape[1])))


def normal(generator, *shape):
    return generator.standard_normal(shape).astype(np.float32)


def ended(ending, y, before):
    """What float64 makes of y = x W + b."""
    if ending == "gelu":
        return 0.5 * y * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3)))
    return y + before if ending == "add" else y


@pytest.mark.parametrize(
    ("inputs", "outputs", "rows", "kind", "ending"),
    [
        (1, 1, 1, "int8", "set"),
        (7, 5, 1, "int8", "add"),
        (1600, 33, 1, "int8", "gelu"),
        (3, 2, 1, "float32", "gelu"),
        (6400, 10, 1, "float32", "set"),
        (7, 5, 3, "int8", "add"),
        (770, 65, 64, "int8", "gelu"),
        (33, 40, 33, "float32", "set"),
    ],
)
def test_a_product_and_its_ending(shaders, inputs, outputs, rows, kind, ending):
    generator = np.random.default_rng(inputs)
    x, before = normal(generator, rows, inputs), normal(generator, rows, outputs)
    bias, scale = normal(generator, outputs), np.abs(normal(generator, outputs)) / 100
    if kind == "int8":
        matrix = generator.integers(-127, 128, (outputs, inputs), np.int8)
    else:
        matrix, scale = normal(generator, outputs, inputs), np.ones(outputs, np.float32)
    shape = {"inputs": inputs, "outputs": outputs, "kind": kind, "ending": ending}
    buffers = [pad_rows(matrix), scale, bias, pad_rows(x), pad_rows(before)]
    form, groups = ("matvecShader", [-(-outputs // 4), 1])
    if rows > 1:
        form, groups = ("matmulShader", [-(-outputs // 32), -(-rows // 32)])
    result = shaders("linear", form, shape, buffers, chunk=(0, rows, 0), workgroups=groups)
    result = result.reshape(rows, -1)[:, :outputs]
    exact = (x.astype(np.float64) @ matrix.T.astype(np.float64)) * scale + bias
    expected = ended(ending, exact, before)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("width", "rows"), [(6, 1), (30, 5)])
def test_keys_and_values_go_to_their_places(shaders, width, rows):
    generator = np.random.default_rng(1)
    x, matrix = normal(generator, rows, width), normal(generator, 3 * width, width)
    scale, bias = np.ones(3 * width, np.float32), normal(generator, 3 * width)
    cache = normal(generator, 2 * CONTEXT * width)
    query = np.zeros((rows, padded(width)), np.float32)
    shape = {
        "inputs": width,
        "outputs": 3 * width,
        "kind": "float32",
        "ending": "attention",
        "context": CONTEXT,
    }
    buffers = [pad_rows(matrix), scale, bias, pad_rows(x), query, cache]
    form, groups = ("matvecShader", [-(-3 * width // 4), 1])
    if rows > 1:
        form, groups = ("matmulShader", [-(-3 * width // 32), 1])
    chunk = (POSITION, rows, 0)
    result = shaders("linear", form, shape, buffers, chunk=chunk, workgroups=groups, outputs=2)
    y = x.astype(np.float64) @ matrix.T.astype(np.float64) + bias
    keys = cache[: width * CONTEXT].reshape(width, CONTEXT).astype(np.float64)
    values = cache[width * CONTEXT :].reshape(CONTEXT, width).astype(np.float64)
    keys[:, POSITION : POSITION + rows] = y[:, width : 2 * width].T
    values[POSITION : POSITION + rows] = y[:, 2 * width :]
    np.testing.assert_allclose(result, np.concatenate([keys.ravel(), values.ravel()]), rtol=1e-5, atol=1e-5)


def test_logits_of_the_largest_vocabulary(shaders):
    inputs, outputs = 1600, 50_257
    generator = np.random.default_rng(2)
    x, scale = normal(generator, 1, inputs), np.abs(normal(generator, outputs)) / 100
    shape = {"inputs": inputs, "outputs": outputs, "kind": "int8", "ending": "set"}
    buffers = [
        inputs * outputs,
        scale,
        np.zeros(outputs, np.float32),
        x,
        np.zeros(padded(outputs), np.float32),
    ]
    result = shaders("linear", "matvecShader", shape, buffers, workgroups=[-(-outputs // 4), 1])
    numbers = np.arange(inputs * outputs, dtype=np.uint32) * np.uint32(2654435761)
    matrix = (numbers.view(np.int32) >> 24).astype(np.int8) | np.int8(1)  # as run_shader.js makes them up
    parts = np.array_split(matrix.reshape(outputs, inputs), 50)
    expected = np.concatenate([part.astype(np.float64) @ x[0] for part in parts]) * scale
    np.testing.assert_allclose(result[:outputs], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("width", "heads", "context", "position", "rows"),
    [(6, 2, 9, 0, 1), (15, 3, 40, 3, 30), (160, 2, 600, 599, 1), (128, 2, 300, 200, 64), (256, 1, 257, 256, 1)],
)
def test_attention(shaders, width, heads, context, position, rows):
    generator = np.random.default_rng(width)
    # Sharp scores, the largest in another tile of positions than the first.
    query, keys = 3 * normal(generator, rows, width), normal(generator, width, context)
    values = normal(generator, context, width)
    cache = np.concatenate([keys.ravel(), values.ravel()])
    shape = {"width": width, "heads": heads, "context": context}
    output = np.zeros((rows, padded(width)), np.float32)
    chunk = (position, rows, 0)
    result = shaders(
        "attention",
        "attentionShader",
        shape,
        [pad_rows(query), cache, output],
        chunk=chunk,
        workgroups=[heads, rows],
    )
    q = query.reshape(rows, heads, -1).astype(np.float64)
    k, v = keys.reshape(heads, -1, context), values.reshape(context, heads, -1)
    scores = np.einsum("rhd,hdc->hrc", q, k) / np.sqrt(width // heads)
    scores[:, np.arange(context) > position + np.arange(rows)[:, None]] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    expected = np.einsum("hrc,chd->rhd", weights / weights.sum(-1, keepdims=True), v).reshape(rows, width)
    np.testing.assert_allclose(result.reshape(rows, -1)[:, :width], expected, atol=2e-5)


@pytest.mark.parametrize(("width", "rows", "only_last"), [(5, 3, False), (1600, 2, False), (1600, 4, True)])
def test_layer_norm(shaders, width, rows, only_last):
    generator = np.random.default_rng(width)
    x = normal(generator, rows, width) * 0.1 + 30  # a mean far from zero: where one pass over the numbers fails
    weight, bias = normal(generator, width), normal(generator, width)
    shape = {"width": width, "epsilon": 1e-5, "onlyLast": only_last}
    output = np.zeros((1 if only_last else rows, padded(width)), np.float32)
    groups = [1, len(output)]
    buffers = [pad_rows(x), weight, bias, output]
    result = shaders("layer_norm", "layerNormShader", shape, buffers, chunk=(0, rows, 0), workgroups=groups)
    exact = x.astype(np.float64)
    exact = (exact - exact.mean(1, keepdims=True)) / np.sqrt(exact.var(1, keepdims=True) + 1e-5) * weight + bias
    expected = exact[-1:] if only_last else exact
    np.testing.assert_allclose(result.reshape(len(output), -1)[:, :width], expected, atol=2e-4)


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_embedding(shaders, kind):
    generator = np.random.default_rng(3)
    width, rows = 6, 3
    tokens = generator.integers(-127, 128, (9, width), np.int8) if kind == "int8" else normal(generator, 9, width)
    scale, positions = normal(generator, 9), normal(generator, CONTEXT, width)
    ids = np.array([8, 0, 8], np.uint32)
    buffers = [pad_rows(tokens), scale, pad_rows(positions), ids, np.zeros((rows, 8), np.float32)]
    shape = {"width": width, "kind": kind}
    result = shaders(
        "embedding", "embeddingShader", shape, buffers, chunk=(POSITION, rows, 0), workgroups=[1, rows]
    )
    expected = tokens[ids] * scale[ids, None] + positions[POSITION : POSITION + rows]
    np.testing.assert_allclose(result.reshape(rows, 8)[:, :width], expected, rtol=1e-6, atol=1e-6)


def logits_with_ties(kind, vocabulary):
    generator = np.random.default_rng(4)
    if kind == "all equal":
        return np.full(vocabulary, -1.5, np.float32)
    if kind == "zeros of both signs":
        return np.where(generator.random(vocabulary) < 0.5, -0.0, 0.0).astype(np.float32)
    if kind == "few values":
        return generator.integers(-3, 4, vocabulary).astype(np.float32)
    return normal(generator, vocabulary) * 10


@pytest.mark.parametrize("kind", ["different", "few values", "all equal", "zeros of both signs"])
def test_the_likeliest_tokens_with_the_lowest_ids_among_equals(shaders, kind):
    for vocabulary, counts in ((50_257, (1, 40, 1024)), (300, (1, 299, 300))):
        logits = logits_with_ties(kind, vocabulary)
        for count in counts:
            candidates = np.zeros((1024, 2), np.uint32)
            result = shaders(
                "top_k",
                "topKShader",
                {"vocabulary": vocabulary},
                [logits, candidates],
                chunk=(0, 1, count),
                workgroups=[1, 1],
                dtype=np.uint32,
            )
            ids, bits = result.reshape(-1, 2)[:count].T
            assert sorted(ids) == sorted(np.argsort(-logits, kind="stable")[:count])
            np.testing.assert_array_equal(bits, logits.view(np.uint32)[ids])
            assert not result.reshape(-1, 2)[count:].any()
