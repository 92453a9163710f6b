/**
 * What avoidCopying costs: the module writes with it and without, in turns. Tokens a second, medians.
 *
 * @param {{module: string, bundle: string, least: number, tokens: number, rounds: number}} given
 */
async ({ module, bundle, least, tokens, rounds }) => {
  const { load } = await import(module);
  const model = await load(bundle);
  const speeds = { 0: [], [least]: [] };
  for (let seed = -1; seed < rounds; seed++) {
    // The first round fetches the index.
    for (const avoidCopying of [0, least]) {
      const settings = { seed: Math.max(seed, 0), maxNewTokens: tokens, avoidCopying };
      const start = performance.now();
      const { numTokens } = await model.generate("", settings).result;
      if (seed >= 0) speeds[avoidCopying].push((1000 * numTokens) / (performance.now() - start));
    }
  }
  const median = (values) => values.sort((one, other) => one - other)[values.length >> 1];
  const [free, guarded] = [median(speeds[0]), median(speeds[least])];
  const round = (value, digits) => Number(value.toFixed(digits));
  return {
    backend: model.backend,
    avoid_copying: least,
    tokens_per_s: round(free, 1),
    tokens_per_s_avoiding: round(guarded, 1),
    slower: round(1 - guarded / free, 3),
  };
};
