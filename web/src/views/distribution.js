/** What settings do to candidates, in the sampler's own arithmetic: pure functions. */

import { choose, cumulate, penaliseRepetition, topIds } from "../runtime/writing/sampler.js";

/**
 * @typedef {import("./source.js").Candidates} Candidates
 * @typedef {import("./source.js").SourceSettings} SourceSettings
 *
 * @typedef {object} Row
 * @property {number} id
 * @property {number} before Probability as the model has it.
 * @property {number} after Probability of being drawn.
 * @property {"" | "temperature" | "topK" | "topP"} cut What takes it away.
 *
 * @typedef {{id: number, from: number, to: number}} Piece Of the scale from 0 to 1 that a random number falls on.
 *
 * @typedef {object} Distribution
 * @property {Row[]} rows The likeliest by the model's own logits.
 * @property {number} kept How many tokens can be drawn.
 * @property {Piece[]} pieces The scale's first pieces, and the one that is taken.
 * @property {Piece | null} taken What the random number falls on.
 * @property {boolean} exact False where too few candidates are known to say it exactly.
 */

const PIECES = 24;

/**
 * @param {Candidates} candidates
 * @param {SourceSettings} settings
 * @param {ArrayLike<number>} seen Ids that the model sees, for the penalty.
 * @param {number | null} random In [0, 1), or null when there was no draw.
 * @param {number} [count] Of rows.
 * @returns {Distribution}
 */
export function distribution(candidates, settings, seen, random, count = 10) {
  const { ids: likeliest, logSumExp, all } = candidates;
  const rows = Array.from({ length: Math.min(count, likeliest.length) }, (_, place) => likeliest[place]);
  const logitOf = new Map(Array.from(likeliest, (id, place) => [id, candidates.logits[place]]));
  const { ids, logits, exact } = all ? ofAll(all, settings, seen) : ofSome(candidates, settings, seen);
  const upTo = settings.temperature === 0 ? Float32Array.of(1) : cumulate(logits, settings);
  const total = upTo[upTo.length - 1];
  const piece = (/** @type {number} */ place) => ({
    id: ids[place],
    from: place ? upTo[place - 1] / total : 0,
    to: upTo[place] / total,
  });
  const placeOf = new Map(Array.from(ids, (id, place) => [id, place]));
  const pieces = Array.from({ length: Math.min(PIECES, upTo.length) }, (_, place) => piece(place));
  const chosen = random === null ? null : settings.temperature === 0 ? 0 : choose(upTo, random);
  const taken = chosen === null ? null : piece(chosen);
  if (taken && chosen !== null && chosen >= pieces.length) pieces.push(taken);
  return {
    rows: rows.map((id) => {
      const place = placeOf.get(id);
      const drawn = place !== undefined && place < upTo.length ? piece(place) : null;
      return {
        id,
        before: Math.exp(/** @type {number} */ (logitOf.get(id)) - logSumExp),
        after: drawn ? drawn.to - drawn.from : 0,
        cut: drawn ? "" : settings.temperature === 0 ? "temperature" : place === undefined ? "topK" : "topP",
      };
    }),
    kept: upTo.length,
    pieces,
    taken,
    exact,
  };
}

/** What a draw looks at, of all tokens. */
function ofAll(
  /** @type {Float32Array} */ all,
  /** @type {SourceSettings} */ { topK, repetitionPenalty = 1, temperature },
  /** @type {ArrayLike<number>} */ seen,
) {
  const logits = all.slice();
  penaliseRepetition(logits, Array.from(seen), repetitionPenalty);
  const ids = topIds(logits, Math.min((temperature === 0 ? 1 : topK) || logits.length, logits.length));
  return { ids, logits: Float32Array.from(ids, (id) => logits[id]), exact: true };
}

/** The same where only the likeliest are known. */
function ofSome(
  /** @type {Candidates} */ candidates,
  /** @type {SourceSettings} */ { topK, repetitionPenalty = 1, temperature },
  /** @type {ArrayLike<number>} */ seen,
) {
  const known = candidates.ids.length;
  const wanted = (temperature === 0 ? 1 : topK) || Number.POSITIVE_INFINITY;
  const again = new Set(Array.from(seen));
  const factor = Math.fround(repetitionPenalty);
  const pairs = Array.from(candidates.ids, (id, place) => {
    const logit = candidates.logits[place];
    const penalised = again.has(id) ? Math.fround(logit > 0 ? logit / factor : logit * factor) : logit;
    return { id, logit: factor === 1 ? logit : penalised };
  });
  pairs.sort((a, b) => b.logit - a.logit || a.id - b.id);
  const shown = pairs.slice(0, Math.min(wanted, known));
  return {
    ids: Uint32Array.from(shown, ({ id }) => id),
    logits: Float32Array.from(shown, ({ logit }) => logit),
    exact: repetitionPenalty === 1 && wanted <= known,
  };
}
