/** Whether something is a manuscript: of data that was kept, and in the tests after every step. */

const isCount = (/** @type {any} */ value) => Number.isSafeInteger(value) && value >= 0;
const isText = (/** @type {any} */ value) => typeof value === "string";
const isPlaces = (/** @type {any} */ list, /** @type {number} */ below) =>
  Array.isArray(list) && list.every((place) => isCount(place) && place < below);
const isIds = (/** @type {any} */ list) => Array.isArray(list) && list.every(isCount);

/**
 * @param {any} value
 * @returns {string} What is wrong with it first; empty when it is a manuscript.
 */
export function wrongManuscript(value) {
  if (!isText(value?.id) || !value.id) return "id";
  for (const name of ["name", "draft"]) if (!isText(value[name])) return name;
  for (const name of ["created", "changed"]) if (!Number.isFinite(value[name])) return name;
  if (!Array.isArray(value.passages)) return "passages";
  const count = value.passages.length;
  if (!isPlaces(value.tips, count)) return "tips";
  for (const name of ["past", "future"]) {
    const steps = value[name];
    if (!Array.isArray(steps) || !steps.every((tips) => isPlaces(tips, count))) return name;
  }
  /** @type {number[]} Of the text after each passage. */
  const lengths = [];
  for (const [place, passage] of value.passages.entries()) {
    const wrong = wrongPassage(passage, lengths);
    if (wrong) return `passages[${place}].${wrong}`;
    lengths.push((lengths[passage.parent] ?? 0) - passage.removed + passage.text.length);
  }
  return "";
}

/** @param {any} passage @param {number[]} lengths Of the texts after the passages before it. */
function wrongPassage(passage, lengths) {
  if (!["opening", "written", "edit"].includes(passage?.kind)) return "kind";
  if (!isText(passage.text)) return "text";
  if (!["", "length", "end_of_text", "stopped"].includes(passage.finish)) return "finish";
  for (const name of ["at", "removed", "length"]) if (!isCount(passage[name])) return name;
  const { parent, snapshot, made, kind } = passage;
  if (kind === "opening")
    return parent === null && !passage.at && !passage.removed && made === null ? "" : "parent";
  if (!isCount(parent) || parent >= lengths.length) return "parent";
  const length = lengths[parent];
  if (passage.at + passage.removed > length) return "at";
  if (snapshot !== null && !(isIds(snapshot?.window) && isIds(snapshot.newIds))) return "snapshot";
  if (kind === "edit") return made === null ? "" : "made";
  if (passage.at !== length || passage.removed) return "at";
  return wrongMade(made);
}

function wrongMade(/** @type {any} */ made) {
  if (!isText(made?.model)) return "made.model";
  for (const name of ["temperature", "topK", "topP", "repetitionPenalty", "maxNewTokens", "seed", "sample"]) {
    if (!Number.isFinite(made[name])) return `made.${name}`;
  }
  if (!Number.isFinite(made.avoidCopying ?? 0)) return "made.avoidCopying";
  for (const name of ["finishSentence", "resumed"]) if (typeof made[name] !== "boolean") return `made.${name}`;
  return "";
}
