/** What the views of attention are chosen with: a layer, heads, which of them to show, light or dark. */

import { create } from "../page/dom.js";
import { headColour } from "./colours.js";

/**
 * A drop-down.
 *
 * @param {string} label
 * @param {[value: string, words: string][]} choices
 * @param {(value: string) => void} onChange
 */
export function dropDown(label, choices, onChange) {
  const select = create("select", {}, ...choices.map(([value, words]) => create("option", { value }, words)));
  select.addEventListener("change", () => onChange(select.value));
  return { select, label: create("label", { class: "inside-choice" }, label, select) };
}

/** @param {import("./shared.js").Shared} shared @param {(layer: number) => void} onChange */
export function layerPicker(shared, onChange) {
  const choices = Array.from({ length: shared.source.shape.layers }, (_, layer) => [
    String(layer),
    String(layer + 1),
  ]);
  return dropDown(shared.say("layer"), /** @type {any} */ (choices), (value) => onChange(Number(value)));
}

/** @param {import("./shared.js").Shared} shared @param {(head: number) => void} onChange */
export function headPicker(shared, onChange) {
  const choices = Array.from({ length: shared.source.shape.heads }, (_, head) => [String(head), String(head + 1)]);
  return dropDown(shared.say("head"), /** @type {any} */ (choices), (value) => onChange(Number(value)));
}

/** Light or dark, whatever the system says. @param {import("./shared.js").Shared} shared */
export function displayPicker(shared) {
  const choices = [
    ["", shared.say("displayAuto")],
    ["light", shared.say("displayLight")],
    ["dark", shared.say("displayDark")],
  ];
  const picker = dropDown(shared.say("display"), /** @type {any} */ (choices), (value) => {
    shared.display = value;
    shared.set({});
  });
  return picker.label;
}

/** Numbers and ranges of them, as one types them. */
export function rangeField(
  /** @type {string} */ label,
  /** @type {number} */ most,
  /** @type {() => void} */ onChange,
) {
  const input = create("input", {
    type: "text",
    placeholder: `1-${most}`,
    inputMode: "numeric",
    autocomplete: "off",
  });
  input.addEventListener("change", onChange);
  return { input, label: create("label", { class: "inside-choice" }, label, input) };
}

/**
 * A coloured square for each head: a press takes it in or out, a double one shows it alone, or all again.
 *
 * @param {import("./shared.js").Shared} shared
 * @param {Set<number>} chosen Changed in place.
 * @param {() => void} onChange
 */
export function headSquares(shared, chosen, onChange) {
  const { heads } = shared.source.shape;
  const all = [...Array(heads).keys()];
  const draw = () => {
    for (const [head, button] of buttons.entries()) button.setAttribute("aria-pressed", String(chosen.has(head)));
  };
  const change = (/** @type {Iterable<number>} */ heads_) => {
    const kept = new Set(heads_);
    chosen.clear();
    for (const head of kept) chosen.add(head);
    draw();
    onChange();
  };
  const alone = (/** @type {number} */ head) => change(chosen.size === 1 && chosen.has(head) ? all : [head]);
  const buttons = all.map((head) => {
    const swatch = create("span", { class: "inside-square" });
    swatch.style.background = headColour(head, heads);
    const button = create("button", { type: "button", class: "inside-head" }, swatch, String(head + 1));
    button.setAttribute("aria-label", shared.say("headSquare", { n: head + 1 }));
    button.addEventListener("click", () => {
      if (chosen.has(head)) change(all.filter((other) => other !== head && chosen.has(other)));
      else change([...chosen, head]);
    });
    button.addEventListener("dblclick", () => alone(head));
    button.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key.toLowerCase() === "o") alone(head);
    });
    return button;
  });
  const every = create("button", { type: "button", class: "inside-head" }, shared.say("allHeads"));
  every.addEventListener("click", () => change(all));
  const element = create("div", { class: "inside-heads", role: "group" }, ...buttons, every);
  element.setAttribute("aria-label", shared.say("headsHelp"));
  draw();
  return { element, draw, alone };
}
