"""Settings and small models shared by the tests."""

import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from tf_gpt2 import runtime

runtime.load_tensorflow()


@pytest.fixture(autouse=True, scope="session")
def _private_cache(tmp_path_factory):
    """Keeps the tests out of the user's cache, except for the fetched sample corpus."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_GPT2_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def random_weights(config, seed=0, scale=0.3):
    """Weights by Hugging Face name, large enough that every term of the model shows in the logits."""
    from tf_gpt2.model_directory import tensor_shapes

    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in tensor_shapes(config).items():
        array = generator.normal(0, scale, shape)
        weights[name] = (array + (1.0 if "ln_" in name and name.endswith("weight") else 0.0)).astype(np.float32)
    return weights
