/** How fast a decoder is, for the page to show and to choose by. */

const STEPS = 7;

/**
 * @param {import("../decoder.js").Decoder} decoder Left empty.
 * @param {number} contextLength
 * @returns {Promise<number>} Milliseconds a token at the start of a text: the median of a few, or their mean where the
 *   clock shows none.
 */
export async function timeSteps(decoder, contextLength) {
  const times = [];
  decoder.reset();
  for (let step = 0; step < Math.min(STEPS, contextLength); step++) {
    const started = performance.now();
    if (decoder.encodeCandidates) await decoder.encodeCandidates([0], 1);
    else await decoder.encode([0]);
    times.push(performance.now() - started);
  }
  decoder.reset();
  const total = times.reduce((sum, time) => sum + time, 0);
  // A clock in a page may tick in tenths of a millisecond: of shorter steps only the sum says something.
  return times.sort((a, b) => a - b)[times.length >> 1] || total / times.length;
}
