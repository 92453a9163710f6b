/** The settings a person can change: ranges, and the share link that carries them. Their defaults are the model's. */

/**
 * @typedef {object} PageSettings
 * @property {number} temperature
 * @property {number} topK
 * @property {number} topP
 * @property {number} repetitionPenalty
 * @property {number} maxNewTokens
 * @property {number} versions
 * @property {number | null} seed Null draws one for each text.
 */

const MAX_SEED = 2 ** 32 - 1;
// Addresses beyond some 8,000 characters get lost in messengers; a Chinese character takes nine.
export const LINK_CHARACTERS = 800;

/**
 * `key` is the field's name in a link, `generation` that of its default in site.json; without one it begins empty.
 *
 * @type {{name: keyof PageSettings, min: number, max: number, step: number, key: string, generation?: string}[]}
 */
export const FIELDS = [
  { name: "temperature", min: 0, max: 2, step: 0.05, key: "t", generation: "temperature" },
  { name: "topK", min: 0, max: 1000, step: 1, key: "k", generation: "top_k" },
  { name: "topP", min: 0.05, max: 1, step: 0.05, key: "tp", generation: "top_p" },
  { name: "repetitionPenalty", min: 1, max: 2, step: 0.05, key: "rp", generation: "repetition_penalty" },
  { name: "maxNewTokens", min: 1, max: 2000, step: 1, key: "n", generation: "max_new_tokens" },
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
  return Object.fromEntries(values);
}

/**
 * The nearest value that a field can have.
 *
 * @param {typeof FIELDS[number]} field
 * @param {number} value
 */
export function limit(field, value) {
  const bounded = Math.min(field.max, Math.max(field.min, value));
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
 * @param {string} prompt
 * @param {PageSettings} settings With the seed that was used.
 * @returns {{fragment: string, cut: boolean}} The link's part from "#" on, which browsers never send to a server.
 */
export function makeLink(prompt, settings) {
  const characters = [...prompt];
  const cut = characters.length > LINK_CHARACTERS;
  const parameters = new URLSearchParams();
  parameters.set("p", cut ? characters.slice(-LINK_CHARACTERS).join("") : prompt);
  for (const { name, key } of FIELDS) if (settings[name] !== null) parameters.set(key, String(settings[name]));
  return { fragment: `#${parameters}`, cut };
}

/**
 * Reads a link that anyone may have made: numbers are forced into range, text stays text.
 *
 * @param {string} fragment With or without "#".
 * @param {PageSettings} defaults
 * @returns {{prompt: string, settings: PageSettings, notice: "" | "link_adjusted" | "link_damaged"} | null} Null when
 *   the address carries nothing of ours.
 */
export function readLink(fragment, defaults) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const known = ["p", ...FIELDS.map(({ key }) => key)];
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
  const characters = [...(parameters.get("p") ?? "")];
  if (characters.length > LINK_CHARACTERS) adjusted = true;
  const prompt = characters.slice(-LINK_CHARACTERS).join("");
  const damaged = prompt.includes("\ufffd");
  return { prompt, settings, notice: damaged ? "link_damaged" : adjusted ? "link_adjusted" : "" };
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
