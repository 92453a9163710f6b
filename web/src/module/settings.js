/** The settings of a text: what is given, else the model's own. */

import { GPT2Error } from "./errors.js";

/**
 * @typedef {import("./types/gpt2").Settings} Settings
 * @typedef {Required<Omit<Settings, "seed">>} Defaults
 */

const MAX_WORD = 2 ** 32 - 1;
const MAX_COUNT = 2 ** 31 - 2;
const number = (/** @type {string} */ rule, /** @type {(value: any) => boolean} */ holds) => ({
  rule: `a number ${rule}`,
  holds: (/** @type {any} */ value) => typeof value === "number" && Number.isFinite(value) && holds(value),
});
const integer = (/** @type {number} */ lowest, /** @type {number} */ highest) => ({
  rule: `an integer from ${lowest} to ${highest}`,
  holds: (/** @type {any} */ value) => Number.isInteger(value) && value >= lowest && value <= highest,
});

/** Of each setting its rule, and its name in a generation_config.json that may bring it; docs/controls.md. */
export const CONTROLS = {
  temperature: { ...number("0 (the likeliest token) or above", (value) => value >= 0), config: "temperature" },
  topK: { ...integer(0, MAX_COUNT), config: "top_k" },
  topP: { ...number("above 0 and at most 1", (value) => value > 0 && value <= 1), config: "top_p" },
  repetitionPenalty: { ...number("above 0", (value) => value > 0), config: "repetition_penalty" },
  maxNewTokens: { ...integer(1, MAX_COUNT), config: "max_new_tokens" },
  avoidCopying: {
    rule: "0, or an integer from 5 on",
    holds: (/** @type {any} */ value) =>
      Number.isInteger(value) && (value === 0 || (value >= 5 && value <= MAX_COUNT)),
    config: "",
  },
  seed: { ...integer(0, MAX_WORD), config: "" },
  sample: { ...integer(0, MAX_WORD), config: "" },
  finishSentence: {
    rule: "true or false",
    holds: (/** @type {any} */ value) => typeof value === "boolean",
    config: "",
  },
};
const NO_SETTINGS = ["signal", "resume"];

/**
 * The model's own settings.
 *
 * @param {Record<string, any>} config Its generation_config.json, which the exporter writes complete.
 * @returns {Defaults}
 * @throws {GPT2Error} "bundle_damaged"
 */
export function modelDefaults(config) {
  /** @type {Record<string, any>} */
  const defaults = { sample: 0, finishSentence: false, avoidCopying: 0 };
  for (const [name, control] of Object.entries(CONTROLS)) {
    if (!control.config) continue;
    const value = config?.[control.config];
    if (!control.holds(value)) throw new GPT2Error("bundle_damaged", `generation_config.json: ${control.config}`);
    defaults[name] = value;
  }
  if (config.do_sample === false) defaults.temperature = 0;
  return /** @type {Defaults} */ (defaults);
}

/**
 * @param {Defaults} defaults
 * @param {Settings} given
 * @returns {Required<Settings>}
 * @throws {GPT2Error} "setting"
 */
export function checkedSettings(defaults, given) {
  /** @type {Record<string, any>} */
  const settings = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (NO_SETTINGS.includes(name) || value === undefined) continue;
    const control = CONTROLS[/** @type {keyof typeof CONTROLS} */ (name)];
    if (!Object.hasOwn(CONTROLS, name)) {
      const known = Object.keys(CONTROLS).join(", ");
      throw new GPT2Error("setting", `a setting must be one of ${known}; received ${name}`);
    }
    if (!control.holds(value)) {
      throw new GPT2Error("setting", `${name} must be ${control.rule}; received ${String(value)}`);
    }
    settings[name] = value;
  }
  settings.seed ??= crypto.getRandomValues(new Uint32Array(1))[0];
  return /** @type {Required<Settings>} */ (settings);
}
