/** Temperature, top-k and top-p beside the bars that they move. */

import { create } from "../page/dom.js";

/**
 * @typedef {import("./source.js").SourceSettings} SourceSettings
 * @typedef {{name: "temperature" | "topK" | "topP", max: number, step: number, whole?: boolean}} Field
 */

/** @type {Field[]} */
const FIELDS = [
  { name: "temperature", max: 2, step: 0.05 },
  { name: "topK", max: 100, step: 1, whole: true },
  { name: "topP", max: 1, step: 0.05 },
];

export class SettingsFields {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.rows = FIELDS.map((field) => this.row(field));
    this.element = create("div", { class: "inside-settings" }, ...this.rows.map(({ label }) => label));
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", shared.say("settings"));
  }

  draw() {
    for (const { field, input, value } of this.rows) {
      const now = this.shared.settings[field.name];
      if (Number(input.value) !== now) input.value = String(now);
      value.textContent = String(now);
      input.setAttribute("aria-valuetext", this.words(field, now));
    }
  }

  /** @private */
  words(/** @type {Field} */ { name }, /** @type {number} */ value) {
    return value === 0 && name === "topK" ? this.shared.say("all") : String(value);
  }

  /** @private */
  row(/** @type {Field} */ field) {
    const { shared } = this;
    const { name, max, step } = field;
    const input = create("input", { type: "range", min: "0", max: String(max), step: String(step) });
    const value = create("output");
    const label = create("label", {}, shared.say(name), " ", value, input);
    input.addEventListener("input", () => {
      // A share of nothing would leave nothing to draw from.
      const chosen = name === "topP" ? Math.max(step, Number(input.value)) : Number(input.value);
      const settings = { ...shared.settings, [name]: chosen };
      shared.set({ settings });
      shared.options.onSettings?.(settings);
    });
    return { field, input, value, label };
  }
}
