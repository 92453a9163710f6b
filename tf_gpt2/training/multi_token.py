"""Learning the token after the next one as well, by a head that is left out of the model (Gloeckle et al. 2024,
"Better & Faster Large Language Models via Multi-token Prediction", section 2).

Shapes: B sequences, T tokens, D hidden_dim.
"""

from typing import Any

import keras
import tensorflow as tf

from tf_gpt2.data.windows import IGNORED
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.trunk import SparingLoss


class MultiTokenLoss:
    """An objective (`steps.Objective`): `steps.next_token_loss`, and in training that of the token after it too.

    Both read the same hidden states h [B, T, D] and end in the model's own head, the further one by way of h + h W.
    W begins as zeros, so that nothing is drawn and a model begins as it would without.

    Args:
        model: The model, of `tf_gpt2.model.build_model`.
        share: What the token after the next counts beside the next.
        sparing: How memory is spared.

    Attributes:
        variables: W [D, D], which learns along with the model.
    """

    def __init__(self, model: keras.Model, share: float, sparing: Sparing = PLAIN):
        width = model.get_layer("final_norm").output.shape[-1]
        self._further = keras.Variable(tf.zeros((width, width)), name="further_kernel")
        self._share = share
        self._loss = SparingLoss(model, sparing)
        self.variables = [self._further]

    def __call__(self, _model: keras.Model, x: Any, y: Any, training: bool) -> tf.Tensor:
        """Sum of the losses of y under the logits for x, [B, T] each, in nats."""
        hidden = self._loss.hidden(x, training)
        loss = self._loss.summed(hidden, y, training)
        if not training:
            return loss
        further = hidden + tf.matmul(hidden, tf.cast(self._further.value, hidden.dtype))
        return loss + self._share * self._loss.summed(further, further_targets(y), training)


def further_targets(y: Any) -> tf.Tensor:
    """The targets after those of y [B, T]; `IGNORED` at the end, and where y is: another text begins there."""
    shifted = tf.pad(y[:, 1:], [[0, 0], [0, 1]], constant_values=IGNORED)
    return tf.where(tf.equal(y, IGNORED), y, shifted)
