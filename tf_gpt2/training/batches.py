"""What a run trains on, step by step."""

from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.data.windows import Batches, training_dataset
from tf_gpt2.training.learner import Learner


def training_batches(corpus: PreparedCorpus, learner: Learner, context_length: int, start_step: int = 0) -> Batches:
    """The batches (x, y) of a run from a step on, without end, as `training_dataset` has them.

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
