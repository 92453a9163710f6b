/** The fields of the settings, and what is said when a value was put right. */

import { byId, create, setText, show } from "./dom.js";
import { FIELDS } from "./settings.js";
import { text } from "./strings.js";

export class SettingsView {
  /** @param {import("./view.js").Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {import("./state.js").State["settings"] | undefined} */
    this.shown = undefined;
    byId("fields").replaceChildren(...FIELDS.map((field) => this.row(field)), this.sentenceRow());
  }

  /** @private */
  row(/** @type {typeof FIELDS[number]} */ { name, min, max, step }) {
    const id = `setting-${name}`;
    const whole = step === 1;
    const input = create("input", {
      id,
      name,
      type: "number",
      min,
      max,
      step: whole ? 1 : "any",
      inputMode: "decimal",
    });
    input.setAttribute("aria-describedby", `${id}-help ${id}-said`);
    input.addEventListener("change", () => this.handlers.setting(name, input.value));
    const label = create("label", { htmlFor: id });
    label.dataset.text = name;
    const help = create("p", { id: `${id}-help`, class: "note" });
    help.dataset.text = `${name}Help`;
    const said = create("p", { id: `${id}-said`, class: "note said", role: "status" });
    return create("div", { class: "field" }, label, input, help, said);
  }

  /** @private */
  sentenceRow() {
    const id = "setting-finishSentence";
    const input = create("input", { id, name: "finishSentence", type: "checkbox" });
    input.setAttribute("aria-describedby", `${id}-help`);
    input.addEventListener("change", () => this.handlers.finishSentence(input.checked));
    const label = create("span", {});
    label.dataset.text = "finishSentence";
    const help = create("p", { id: `${id}-help`, class: "note" });
    help.dataset.text = "finishSentenceHelp";
    return create("div", { class: "field" }, create("label", { class: "check" }, input, label), help);
  }

  /** @param {import("./state.js").State} state */
  draw({ settings, corrected, language, site }) {
    // Only where the site has the index that it takes.
    show(byId("setting-avoidCopying").parentElement, site?.originality?.kind === "index");
    for (const { name, min, max } of FIELDS) {
      const wrong = corrected === name && settings;
      const values = { value: String(settings?.[name] ?? ""), min, max };
      setText(byId(`setting-${name}-said`), wrong ? text(language, "corrected", values) : "");
    }
    if (this.shown === settings) return;
    this.shown = settings;
    byId("defaults").disabled = !settings;
    byId("setting-finishSentence").disabled = !settings;
    byId("setting-finishSentence").checked = settings?.finishSentence ?? true;
    for (const { name } of FIELDS) {
      const input = byId(`setting-${name}`);
      input.disabled = !settings;
      // A field that is being typed in is not the state's yet: drawing an earlier change must not undo it.
      if (input !== document.activeElement || corrected === name) input.value = String(settings?.[name] ?? "");
    }
  }
}
