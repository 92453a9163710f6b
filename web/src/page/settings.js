/** The settings a person can change: ranges, and the share link that carries them. Their defaults are the model's. */

/**
 * @typedef {object} PageSettings
 * @property {number} temperature
 * @property {number} topK
 * @property {number} topP
 * @property {number} repetitionPenalty
 * @property {number} maxNewTokens
 * @property {number} avoidCopying Characters of the shortest run of the training text that must not be written; 0 for no limit.
 * @property {boolean} finishSentence Whether a text ends with a sentence when its length is reached.
 * @property {number} versions
 * @property {number | null} seed Null draws one for each text.
 */

const MAX_SEED = 2 ** 32 - 1;
const OPENING_CHARACTERS = 800;

/**
 * `key` is the field's name in a link, `generation` that of its default in site.json; without one it begins empty.
 * What is not 0 is at least `least`.
 *
 * @type {{name: keyof PageSettings, min: number, max: number, step: number, least?: number, key: string,
 *   generation?: string}[]}
 */
export const FIELDS = [
  { name: "temperature", min: 0, max: 2, step: 0.05, key: "t", generation: "temperature" },
  { name: "topK", min: 0, max: 1000, step: 1, key: "k", generation: "top_k" },
  { name: "topP", min: 0.05, max: 1, step: 0.05, key: "tp", generation: "top_p" },
  { name: "repetitionPenalty", min: 1, max: 2, step: 0.05, key: "rp", generation: "repetition_penalty" },
  { name: "maxNewTokens", min: 1, max: 2000, step: 1, key: "n", generation: "max_new_tokens" },
  { name: "avoidCopying", min: 0, max: 1000, step: 1, least: 5, key: "ac", generation: "avoid_copying" },
  { name: "versions", min: 1, max: 4, step: 1, key: "v", generation: "num_return_sequences" },
  { name: "seed", min: 0, max: MAX_SEED, step: 1, key: "seed" },
];

/**
 * @param {Record<string, number>} generation The model's settings, as site.json has them.
 * @returns {PageSettings}
 */
export function defaultSettings(generation) {
  const values = FIELDS.map((field) => [
    field.name,
    field.generation ? limit(field, generation[field.generation]) : null,
  ]);
  return { ...Object.fromEntries(values), finishSentence: true };
}

/**
 * The nearest value that a field can have.
 *
 * @param {typeof FIELDS[number]} field
 * @param {number} value
 */
export function limit(field, value) {
  const lowest = field.least && value > 0 ? field.least : field.min;
  const bounded = Math.min(field.max, Math.max(lowest, value));
  return field.step === 1 ? Math.round(bounded) : bounded;
}

/**
 * @param {string} name
 * @param {string} typed
 * @returns {number | null | undefined} Undefined when nothing can be made of it; null for "no seed".
 */
export function parseField(name, typed) {
  const field = FIELDS.find((one) => one.name === name);
  const trimmed = typed.trim();
  if (!field) return undefined;
  if (!trimmed) return name === "seed" ? null : undefined;
  const value = Number(trimmed);
  return Number.isNaN(value) ? undefined : limit(field, value);
}

/**
 * Reads the settings that an address sets, and an opening: what links were before manuscript/link.js, and what anyone
 * may write by hand. Numbers are forced into range, text stays text.
 *
 * @param {string} fragment With or without "#".
 * @param {PageSettings} defaults
 * @returns {{prompt: string, settings: PageSettings, notice: "" | "link_adjusted" | "link_damaged"} | null} Null when
 *   the address carries nothing of ours.
 */
export function readLink(fragment, defaults) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const known = ["p", "finish", ...FIELDS.map(({ key }) => key)];
  if (![...parameters.keys()].some((key) => known.includes(key))) return null;
  const settings = { ...defaults };
  let adjusted = false;
  for (const { name, key } of FIELDS) {
    const typed = parameters.get(key);
    if (typed === null) continue;
    const value = parseField(name, typed);
    if (value === undefined || value !== Number(typed)) adjusted = true;
    if (value !== undefined) /** @type {any} */ (settings)[name] = value;
  }
  const finish = parameters.get("finish");
  if (finish !== null) settings.finishSentence = finish !== "0";
  // A text that a link names by its seed, from before there was such a setting, ends with its last token.
  else if (parameters.has("seed")) settings.finishSentence = false;
  const characters = [...(parameters.get("p") ?? "")];
  if (characters.length > OPENING_CHARACTERS) adjusted = true;
  const prompt = characters.slice(-OPENING_CHARACTERS).join("");
  return { prompt, settings, notice: damaged(fragment) ? "link_damaged" : adjusted ? "link_adjusted" : "" };
}

/** Whether an address holds bytes that are no UTF-8; a text may well contain U+FFFD. */
function damaged(/** @type {string} */ fragment) {
  try {
    decodeURIComponent(fragment.replace(/%(?![0-9a-f]{2})/gi, "%25"));
    return false;
  } catch {
    return true;
  }
}

/**
 * How many threads the address asks for with `?threads=`.
 *
 * @param {URLSearchParams} parameters
 * @returns {number | null} Null without a whole number from 1 on.
 */
export function readThreads(parameters) {
  const typed = parameters.get("threads") ?? "";
  return /^[1-9]\d?$/.test(typed) ? Number(typed) : null;
}
