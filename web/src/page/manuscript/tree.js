/**
 * What a visitor writes: a tree of passages, each with its text and everything that made it. Passages are only added;
 * what shows is a choice of them (`tips`), so undo, redo and edits lose nothing. Pure data, as it is kept and exported.
 *
 * @typedef {import("../../runtime/contract.js").Snapshot} Snapshot
 *
 * @typedef {object} Made What the model wrote a passage with.
 * @property {string} model Hash of the model; empty when unknown.
 * @property {number} temperature
 * @property {number} topK
 * @property {number} topP
 * @property {number} repetitionPenalty
 * @property {number} maxNewTokens
 * @property {boolean} finishSentence
 * @property {number} [avoidCopying] Left out in manuscripts from before there was such a setting: 0.
 * @property {number} seed
 * @property {number} sample Which of the texts of one seed.
 * @property {boolean} resumed Whether it goes on from the state in which the passage before it ended; else the text so
 *   far is its prompt.
 *
 * @typedef {object} Passage What was done to the text of the passage before it: `removed` UTF-16 units at `at` became
 *   `text`.
 * @property {number | null} parent Place in `passages` of the one before it, always lower than its own.
 * @property {"opening" | "written" | "edit"} kind
 * @property {number} at
 * @property {number} removed
 * @property {string} text
 * @property {Made | null} made Only of a written one.
 * @property {number} length Tokens after its prompt, those of the passages that it resumed included.
 * @property {Snapshot | null} snapshot Where writing can go on; null until its run ends.
 * @property {"" | "length" | "end_of_text" | "stopped"} finish Empty while it is being written or waits.
 *
 * @typedef {object} Manuscript
 * @property {string} id
 * @property {string} name Empty until someone gives it one.
 * @property {number} created Milliseconds since 1970.
 * @property {number} changed
 * @property {string} draft What is typed in as an opening.
 * @property {Passage[]} passages
 * @property {number[]} tips The passages whose texts show, side by side.
 * @property {number[][]} past What undo goes back to.
 * @property {number[][]} future What redo goes on to.
 *
 * @typedef {{text: string, by: "person" | "model"}} Segment
 */

/** @param {string} id @param {number} now @returns {Manuscript} */
export function newManuscript(id, now) {
  return { id, name: "", created: now, changed: now, draft: "", passages: [], tips: [], past: [], future: [] };
}

/** Places from the opening to a passage. @param {Manuscript} manuscript @param {number} place */
export function path({ passages }, place) {
  const places = [];
  for (let at = /** @type {number | null} */ (place); at !== null; at = passages[at].parent) places.push(at);
  return places.reverse();
}

/** The text as it stands after a passage. @param {Manuscript} manuscript @param {number} place */
export function wholeText(manuscript, place) {
  return path(manuscript, place).reduce((text, step) => {
    const { at, removed, text: put } = manuscript.passages[step];
    return text.slice(0, at) + put + text.slice(at + removed);
  }, "");
}

/** The same text in pieces, with who wrote each. @param {Manuscript} manuscript @param {number} place */
export function segments(manuscript, place) {
  let result = /** @type {Segment[]} */ ([]);
  for (const step of path(manuscript, place)) {
    const { at, removed, text, kind } = manuscript.passages[step];
    const put = { text, by: kind === "written" ? /** @type {const} */ ("model") : /** @type {const} */ ("person") };
    result = [...cut(result, 0, at), put, ...cut(result, at + removed, Number.POSITIVE_INFINITY)];
  }
  return join(result);
}

/** @param {Segment[]} pieces @param {number} from @param {number} to */
function cut(pieces, from, to) {
  let start = 0;
  return pieces.map(({ text, by }) => {
    const part = text.slice(Math.max(0, from - start), Math.max(0, to - start));
    start += text.length;
    return { text: part, by };
  });
}

/** @param {Segment[]} pieces */
function join(pieces) {
  /** @type {Segment[]} */
  const joined = [];
  for (const piece of pieces.filter(({ text }) => text)) {
    const last = joined.at(-1);
    if (last?.by === piece.by) joined[joined.length - 1] = { text: last.text + piece.text, by: piece.by };
    else joined.push(piece);
  }
  return joined;
}

/** What a person wrote before the model's first word. @param {Manuscript} manuscript @param {number} place */
export function openingOf(manuscript, place) {
  const [first] = segments(manuscript, place);
  return first?.by === "person" ? first.text : "";
}

/** The text of the run that a passage belongs to, up to its end. @param {Manuscript} manuscript @param {number} place */
export function runText(manuscript, place) {
  const parts = [];
  for (let at = /** @type {number | null} */ (place); at !== null; at = manuscript.passages[at].parent) {
    parts.push(manuscript.passages[at].text);
    if (!manuscript.passages[at].made?.resumed) break;
  }
  return parts.reverse().join("");
}

/** Whether nothing of a passage has been written. @param {Passage} passage */
export function isEmpty({ kind, text, snapshot }) {
  return kind === "written" && text === "" && snapshot === null;
}

/** Where one can go on from: the ends of all branches, the latest last. @param {Manuscript} manuscript */
export function leaves({ passages }) {
  const inner = new Set(passages.filter((passage) => !isEmpty(passage)).map(({ parent }) => parent));
  return passages.flatMap((passage, place) => (inner.has(place) || isEmpty(passage) ? [] : [place]));
}

/** Other passages in a passage's place, itself included. @param {Manuscript} manuscript @param {number} place */
export function siblings({ passages }, place) {
  const { parent, kind } = passages[place];
  return passages.flatMap((passage, other) =>
    passage.parent === parent && passage.kind === kind && (other === place || !isEmpty(passage)) ? [other] : [],
  );
}

/** Tokens that a passage itself has. @param {Manuscript} manuscript @param {number} place */
export function ownLength({ passages }, place) {
  const { made, parent, length } = passages[place];
  return length - (made?.resumed && parent !== null ? passages[parent].length : 0);
}
