/** The table of a model's parameters, as the Illustrated GPT-2 has it: pure functions. */

/**
 * @param {{layers: number, width: number, vocabulary: number, context?: number, inner?: number, tied?: boolean}} shape `tied`:
 *   whether the token embedding is the output matrix too, as in every published GPT-2.
 * @returns {{name: string, shape: number[], times: number, count: number}[]} In the order of the computation; `count` is
 *   that of all of them.
 */
export function parameters({ layers, width, vocabulary, context = 0, inner = 4 * width, tied = true }) {
  const rows = [
    { name: "wte", shape: [vocabulary, width], times: 1 },
    { name: "wpe", shape: [context, width], times: 1 },
    { name: "ln_1", shape: [2, width], times: layers },
    { name: "attn.c_attn", shape: [width + 1, 3 * width], times: layers },
    { name: "attn.c_proj", shape: [width + 1, width], times: layers },
    { name: "ln_2", shape: [2, width], times: layers },
    { name: "mlp.c_fc", shape: [width + 1, inner], times: layers },
    { name: "mlp.c_proj", shape: [inner + 1, width], times: layers },
    { name: "ln_f", shape: [2, width], times: 1 },
    ...(tied ? [] : [{ name: "lm_head", shape: [vocabulary, width], times: 1 }]),
  ];
  return rows.map((row) => ({ ...row, count: row.times * row.shape.reduce((a, b) => a * b, 1) }));
}
