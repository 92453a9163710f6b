/** What TensorFlow.js has allocated. */

import * as tf from "@tensorflow/tfjs-core";

export function memory() {
  const { numTensors, numBytes } = tf.memory();
  return { numTensors, numBytes };
}
