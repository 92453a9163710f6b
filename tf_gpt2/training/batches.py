"""What a run trains on, step by step."""

import tensorflow as tf

from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.data.windows import training_dataset
from tf_gpt2.training.learner import Learner


def training_batches(
    corpus: PreparedCorpus, learner: Learner, context_length: int, start_step: int = 0
) -> tf.data.Dataset:
    """The batches of a run from a step on: an endless `tf.data.Dataset` of (x, y), as `training_dataset` has them.

    Of several processes each gets its rows.
    """
    return training_dataset(
        corpus.train,
        context_length=context_length,
        batch_size=learner.recipe.batch_size,
        seed=learner.recipe.seed,
        start_step=start_step,
        beside=learner.beside() if learner.beside else None,
        **learner.shard,
    )
