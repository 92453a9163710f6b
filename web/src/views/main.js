/** The views of one text, in tabs: what the page, a file and a notebook show. Nothing here knows where numbers come from. */

import { create } from "../page/dom.js";
import { CandidatesView } from "./candidates_view.js";
import { HeadView } from "./head_view.js";
import { LensView } from "./lens_view.js";
import { ModelView } from "./model_view.js";
import { NeuronView } from "./neuron_view.js";
import { ReplayView } from "./replay_view.js";
import { Shared } from "./shared.js";
import { SurpriseView } from "./surprise_view.js";
import { WalkView } from "./walk_view.js";

/**
 * @typedef {{element: HTMLElement, draw: () => void}} View
 * @typedef {import("./source.js").Source} Source
 * @typedef {import("./shared.js").Options} Options
 */

/** @type {Record<string, new (shared: Shared) => View>} */
const VIEWS = {
  candidates: CandidatesView,
  surprise: SurpriseView,
  model: ModelView,
  heads: HeadView,
  neurons: NeuronView,
  replay: ReplayView,
  lens: LensView,
  walk: WalkView,
};

/** The names of all views, in their order. */
export const VIEW_NAMES = Object.keys(VIEWS);

/** Names that stand for several. @type {Record<string, string[]>} */
const GROUPS = { attention: ["model", "heads", "replay"] };

/**
 * Shows a source in a place.
 *
 * @param {HTMLElement} root Its content is replaced.
 * @param {Source} source
 * @param {Options} [options]
 * @returns {{shared: Shared, open: (view: string) => void, close: () => void}} `shared.set` looks at another token or
 *   changes settings.
 */
export function show(root, source, options = {}) {
  const shared = new Shared(source, options);
  const names = (options.views ?? VIEW_NAMES)
    .flatMap((name) => GROUPS[name] ?? name)
    .filter((name) => name in VIEWS);
  /** @type {Map<string, View>} */
  const made = new Map();
  let current = "";
  const panel = create("div", { class: "inside-panel", tabIndex: -1 });
  panel.setAttribute("role", "tabpanel");
  const tabs = names.map((name) => tab(name));
  const list = create("div", { class: "inside-tabs" }, ...tabs);
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", shared.say("views"));
  list.addEventListener("keydown", move);
  const draw = () => {
    root.style.colorScheme = shared.display;
    made.get(current)?.draw();
  };
  shared.listeners.add(draw);
  root.classList.add("inside");
  const note = source.note ? [create("p", { class: "note" }, source.note)] : [];
  if (source.tokens.length) root.replaceChildren(list, ...note, bytesChoice(), panel);
  else root.replaceChildren(list, ...note, create("p", { class: "note" }, shared.say("emptyText")), panel);
  if (names.length) open(names.includes(options.view ?? "") ? /** @type {string} */ (options.view) : names[0]);
  return { shared, open, close };

  function tab(/** @type {string} */ name) {
    const button = create(
      "button",
      { type: "button", class: "inside-tab" },
      shared.say(/** @type {any} */ (`view_${name}`)),
    );
    button.setAttribute("role", "tab");
    button.dataset.view = name;
    button.addEventListener("click", () => open(name));
    return button;
  }

  function open(/** @type {string} */ name) {
    if (!names.includes(name)) return;
    const changed = name !== current;
    current = name;
    const view = made.get(name) ?? new VIEWS[name](shared);
    made.set(name, view);
    for (const [at, button] of tabs.entries()) {
      button.setAttribute("aria-selected", String(names[at] === name));
      button.tabIndex = names[at] === name ? 0 : -1;
    }
    panel.setAttribute("aria-label", shared.say(/** @type {any} */ (`view_${name}`)));
    panel.replaceChildren(view.element);
    view.draw();
    if (changed) options.onView?.(name);
  }

  function move(/** @type {KeyboardEvent} */ event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (names.indexOf(current) + step + names.length) % names.length;
    open(names[at]);
    tabs[at].focus();
  }

  function bytesChoice() {
    if (!source.tokens.some(({ bytes }) => bytes)) return "";
    const box = create("input", { type: "checkbox" });
    box.addEventListener("change", () => shared.set({ showBytes: box.checked }));
    return create("label", { class: "check" }, box, shared.say("showBytes"));
  }

  function close() {
    shared.listeners.clear();
    root.replaceChildren();
  }
}
