/** One token's way through the model, in the Illustrated GPT-2's order, with the reader's own text and its numbers. */

import { create } from "../page/dom.js";
import { distribution } from "./distribution.js";
import { labels, percent, visible } from "./labels.js";
import { parameters } from "./parameters.js";
import { headPicker, layerPicker } from "./pickers.js";
import { Latest } from "./shared.js";
import { hasNaN, headOf } from "./summary.js";
import { TokenStrip } from "./token_strip.js";

const FIRST = 6; // numbers of a vector that are written out
const LISTED = 6;

export class WalkView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.latest = new Latest();
    this.layer = 0;
    this.head = 0;
    this.strip = new TokenStrip(shared);
    const layer = layerPicker(shared, (chosen) => {
      this.layer = chosen;
      this.draw();
    });
    const head = headPicker(shared, (chosen) => {
      this.head = chosen;
      this.draw();
    });
    this.place = create("ol", { class: "inside-walk" });
    const intro = create("p", { class: "note" }, shared.say("walkIntro"));
    const row = create("div", { class: "inside-choices" }, layer.label, head.label);
    this.element = create("div", {}, intro, this.strip.element, row, this.place, this.table());
  }

  draw() {
    this.strip.draw();
    const { shared } = this;
    const { source } = shared;
    const at = shared.token;
    if (at < 0) return;
    const wanted = this.latest.begin();
    shared.fill(this.place, async () => {
      const projections = await source.projections(this.layer);
      const attention = await source.attention(this.layer);
      const walk = source.walk ? await source.walk(at) : null;
      const candidates = await source.candidates(at);
      if (!wanted()) return;
      if (hasNaN(attention)) throw Object.assign(new Error("NaN"), { code: "nan" });
      this.place.replaceChildren(
        ...this.entry(at, walk),
        ...this.block(at, projections, attention, walk),
        ...this.exit(at, candidates),
      );
    });
  }

  /** @private */
  stop(
    /** @type {any} */ title,
    /** @type {any} */ words,
    /** @type {Record<string, any>} */ values,
    /** @type {any[]} */ ...more
  ) {
    const { shared } = this;
    return create(
      "li",
      {},
      create("h4", {}, shared.say(title, values)),
      create("p", {}, shared.say(words, values)),
      ...more,
    );
  }

  /** @private */
  entry(/** @type {number} */ at, /** @type {import("./source.js").Walk | null} */ walk) {
    const { tokens, shape } = this.shared.source;
    const values = {
      token: labels(tokens, true)[at],
      id: tokens[at].id,
      n: at + 1,
      width: shape.width,
      vocabulary: shape.vocabulary,
    };
    const start = walk?.hidden.subarray(0, shape.width);
    return [
      this.stop("walkToken", "walkTokenWords", values),
      this.stop("walkEmbedding", "walkEmbeddingWords", values, vector(start)),
    ];
  }

  /** @private */
  block(
    /** @type {number} */ at,
    /** @type {{queries: Float32Array, keys: Float32Array, values: Float32Array}} */ { queries, keys, values },
    /** @type {Float32Array} */ attention,
    /** @type {import("./source.js").Walk | null} */ walk,
  ) {
    const { shared, head, layer } = this;
    const { tokens, shape } = shared.source;
    const count = tokens.length;
    const depth = shape.headDim;
    const own = (/** @type {Float32Array} */ all) =>
      all.subarray((head * count + at) * depth, (head * count + at + 1) * depth);
    const weights = headOf(attention, head, count).subarray(at * count, at * count + at + 1);
    const names = labels(tokens, shared.showBytes);
    const order = Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a]);
    const list = create(
      "ul",
      {},
      ...order.slice(0, LISTED).map((to) => create("li", {}, `${names[to]} ${percent(weights[to])}`)),
    );
    const mixed = new Float32Array(depth);
    for (const to of order) {
      const from = (head * count + to) * depth;
      for (let i = 0; i < depth; i++) mixed[i] += weights[to] * values[from + i];
    }
    const after = walk?.hidden.subarray((layer + 1) * shape.width, (layer + 2) * shape.width);
    const words = {
      layer: layer + 1,
      layers: shape.layers,
      head: head + 1,
      heads: shape.heads,
      depth,
      n: at + 1,
      hidden: count - 1 - at,
      width: shape.width,
      inner: innerOf(shape),
    };
    return [
      this.stop(
        "walkProjections",
        "walkProjectionsWords",
        words,
        vector(own(queries), "q"),
        vector(own(keys), "k"),
        vector(own(values), "v"),
      ),
      this.stop("walkScores", "walkScoresWords", words, list),
      this.stop("walkSum", "walkSumWords", words, vector(mixed)),
      this.stop("walkMlp", "walkMlpWords", words, vector(after)),
    ];
  }

  /** @private */
  exit(/** @type {number} */ at, /** @type {import("./source.js").Candidates} */ candidates) {
    const { shared } = this;
    const { source } = shared;
    const draw = source.draw?.(at) ?? null;
    const seen = source.tokens.slice(0, at + 1).map(({ id }) => id);
    const { rows, taken } = distribution(candidates, shared.settings, seen, draw?.random ?? null);
    const items = rows.slice(0, LISTED).map(({ before, after }, place) => {
      const logit = Number(candidates.logits[place]).toFixed(2);
      return create(
        "li",
        {},
        `${visible(candidates.texts[place])} ${logit} → ${percent(before)} → ${percent(after)}`,
      );
    });
    const values = {
      vocabulary: source.shape.vocabulary,
      random: draw?.random.toFixed(4) ?? "",
      width: source.shape.width,
    };
    const named = taken
      ? visible(candidates.texts[Array.from(candidates.ids).indexOf(taken.id)] ?? `#${taken.id}`)
      : "";
    return [
      this.stop("walkLogits", "walkLogitsWords", values, create("ul", {}, ...items)),
      draw && taken
        ? this.stop("walkDraw", "walkDrawWords", { ...values, token: named })
        : this.stop("walkDraw", "noDraw", values),
    ];
  }

  /** @private */
  table() {
    const { shared } = this;
    const rows = parameters(shared.source.shape);
    const total = rows.reduce((sum, { count }) => sum + count, 0);
    const number = (/** @type {number} */ value) => value.toLocaleString("en");
    const lines = rows.map(({ name, shape, times, count }) =>
      create(
        "tr",
        {},
        create("th", { scope: "row" }, create("code", {}, name)),
        create("td", {}, shape.join(" × ")),
        create("td", { class: "figure" }, String(times)),
        create("td", { class: "figure" }, number(count)),
      ),
    );
    const titles = ["parameterName", "parameterShape", "parameterTimes", "parameterCount"].map((key) =>
      create("th", { scope: "col" }, shared.say(/** @type {any} */ (key))),
    );
    const foot = create(
      "tr",
      {},
      create("th", { scope: "row" }, shared.say("parameterTotal")),
      create("td"),
      create("td"),
      create("td", { class: "figure" }, number(total)),
    );
    const caption = create("caption", {}, shared.say("parameterCaption"));
    const table = create(
      "table",
      { class: "inside-parameters" },
      caption,
      create("thead", {}, create("tr", {}, ...titles)),
      create("tbody", {}, ...lines, foot),
    );
    const scroller = create("div", { class: "inside-table", tabIndex: 0, role: "region" }, table);
    scroller.setAttribute("aria-label", shared.say("parameterCaption"));
    return scroller;
  }
}

function innerOf(/** @type {{width: number, inner?: number}} */ { width, inner }) {
  return inner ?? 4 * width;
}

/** The first numbers of a vector. */
function vector(/** @type {Float32Array | undefined} */ values, name = "") {
  if (!values) return "";
  const numbers = Array.from(values.subarray(0, FIRST), (value) => value.toFixed(3)).join("  ");
  return create(
    "p",
    { class: "inside-vector-text" },
    `${name ? `${name} = ` : ""}[${numbers}${values.length > FIRST ? "  …" : ""}]`,
  );
}
