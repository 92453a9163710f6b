"""Trains a Keras GPT-2 on novels, writes with it, and puts it on a page.

import tf_gpt2
model = tf_gpt2.load("runs/demo")
print(model.generate("却说曹操", max_new_tokens=200))
"""

__version__ = "0.1.0"


def load(run_dir):
    """Opens a model directory for writing: a `tf_gpt2.generation.TextGenerator`.

    Raises:
        UserError: The directory is missing or damaged.
    """
    from tf_gpt2 import generation  # TensorFlow is imported when it is needed, not before

    return generation.load(run_dir)
