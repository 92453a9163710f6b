"""A matrix in blocks of rows multiplies as the matrix does, whatever form of product the number of rows takes."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.generation import weights
from tf_gpt2.generation.weights import LEAST_ROWS, MOST_VECTORS, to_tensors

NAME = "h.0.attn.c_attn.weight"
INPUTS, OUTPUTS = 24, 100  # not a whole number of blocks


@pytest.fixture(params=[1, 3, 12])
def matrix(request, monkeypatch):
    monkeypatch.setattr(weights, "NUM_BLOCKS", request.param)
    monkeypatch.setattr(weights, "_THREADS", min(3, request.param))
    array = np.random.default_rng(0).normal(size=(INPUTS, OUTPUTS)).astype(np.float32)
    return array, to_tensors({NAME: array})


@pytest.mark.parametrize("rows", [1, MOST_VECTORS, MOST_VECTORS + 1, LEAST_ROWS - 1, LEAST_ROWS])
@pytest.mark.parametrize("known", [True, False], ids=["static", "dynamic"])
def test_product(matrix, rows, known):
    array, tensors = matrix
    x = np.random.default_rng(1).normal(size=(rows, INPUTS)).astype(np.float32)
    signature = tf.TensorSpec((rows if known else None, INPUTS))
    for blocks in (tensors.whole[NAME], tensors.split[NAME]):
        product = tf.function(blocks.product, input_signature=[signature])
        np.testing.assert_allclose(product(x), x @ array, rtol=1e-4, atol=1e-4)
