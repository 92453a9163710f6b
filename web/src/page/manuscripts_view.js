/** The list of manuscripts, and the branches of the one on the desk. */

import { abilities } from "./abilities.js";
import { byId, create, setText, show } from "./dom.js";
import { leaves, wholeText } from "./manuscript/tree.js";
import { text } from "./strings.js";

const SHOWN_BRANCHES = 100;
const END_CHARACTERS = 60;

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./manuscript_store.js").Head} Head
 */

export class ManuscriptsView {
  /** @param {import("./view.js").Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {Head[]} */
    this.heads = [];
    /** @type {State | null} */
    this.state = null;
    this.shown = "";
    /** @type {unknown[]} */
    this.shownBranches = [];
    byId("manuscripts").addEventListener("toggle", () => byId("manuscripts").open && handlers.list());
    byId("history").addEventListener("toggle", () => this.state && this.drawBranches(this.state));
  }

  /** @param {Head[]} heads */
  list(heads) {
    this.heads = heads;
    this.shown = "";
    if (this.state) this.draw(this.state);
  }

  /** @param {State} state */
  draw(state) {
    this.state = state;
    const { language, keeping, manuscript } = state;
    const able = abilities(state).canChange;
    setText(
      byId("keeping"),
      keeping === "unknown" ? "" : text(language, keeping === "yes" ? "keptHere" : "keptNowhere"),
    );
    byId("new-manuscript").disabled = !able;
    this.drawBranches(state);
    const drawn = [language, able, manuscript.id, manuscript.name, ...this.heads.map(({ id }) => id)].join("\n");
    if (this.shown === drawn) return;
    this.shown = drawn;
    byId("kept").replaceChildren(...this.heads.map((head) => this.row(head, state, able)));
  }

  /** @private */
  row(/** @type {Head} */ head, /** @type {State} */ { language, manuscript }, /** @type {boolean} */ able) {
    const { id, name, excerpt, changed } = head;
    const current = id === manuscript.id;
    const title = name || excerpt || text(language, "untitled");
    const when = new Date(changed).toLocaleString(language === "zh" ? "zh-CN" : "en", {
      dateStyle: "medium",
      timeStyle: "short",
    });
    const button = (/** @type {any} */ key, /** @type {() => void} */ act) => {
      const element = create("button", { type: "button", class: "quiet", disabled: !able }, text(language, key));
      element.setAttribute("aria-label", `${text(language, key)}: ${title}`);
      element.addEventListener("click", act);
      return element;
    };
    const input = create("input", { value: name, maxLength: 80, placeholder: title, hidden: true, dir: "auto" });
    input.setAttribute("aria-label", text(language, "rename"));
    input.addEventListener("change", () => this.handlers.rename(id, input.value.trim()));
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.isComposing) input.blur();
    });
    const remove = button("remove", () => {
      if (remove.dataset.sure) this.handlers.remove(id);
      remove.dataset.sure = "yes";
      remove.textContent = text(language, "removeSure");
      remove.setAttribute("aria-label", `${text(language, "removeSure")}: ${title}`);
    });
    const buttons = [
      ...(current ? [] : [button("open", () => this.handlers.open(id))]),
      button("rename", () => {
        show(input, true);
        input.focus();
      }),
      button("saveText", () => this.handlers.exportAs(id, "txt", title)),
      button("saveJson", () => this.handlers.exportAs(id, "json", title)),
      remove,
    ];
    const label = create("span", { class: "title", dir: "auto" }, title);
    const note = create("span", { class: "note" }, current ? `${when} · ${text(language, "onTheDesk")}` : when);
    return create("li", {}, label, note, input, create("div", { class: "row" }, ...buttons));
  }

  /** @private */
  drawBranches(/** @type {State} */ state) {
    const { manuscript, language } = state;
    const able = abilities(state).canChange;
    show(byId("history"), manuscript.passages.length > 1);
    const drawn = [manuscript.passages.length, manuscript.tips, language, able, manuscript.id];
    if (!byId("history").open || drawn.every((value, at) => value === this.shownBranches[at])) return;
    this.shownBranches = drawn;
    const ends = leaves(manuscript).slice(-SHOWN_BRANCHES).reverse();
    const rows = ends.map((place) => {
      const whole = wholeText(manuscript, place);
      const end = whole.length > END_CHARACTERS ? `…${whole.slice(-END_CHARACTERS)}` : whole;
      const button = create(
        "button",
        { type: "button", class: "branch", dir: "auto", disabled: !able },
        end.trim() || "…",
      );
      if (manuscript.tips.includes(place)) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => this.handlers.choose([place]));
      return create("li", {}, button);
    });
    byId("branches").replaceChildren(...rows);
  }
}
