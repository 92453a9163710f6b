/** Keeps the manuscript on the desk as it grows, and the others: open, new, rename, delete, export. */

import { saveText } from "./dom.js";
import { newManuscript, wholeText } from "./manuscript/tree.js";

/**
 * @typedef {import("./manuscript_store.js").ManuscriptStore} ManuscriptStore
 * @typedef {import("./manuscript/tree.js").Manuscript} Manuscript
 * @typedef {import("./live_page.js").LivePage} LivePage
 */

const PAUSE_MILLISECONDS = 1000;

export const newId = () => `${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
const fresh = () => newManuscript(newId(), Date.now());

export class Keeping {
  /** @param {LivePage} page */
  constructor(page) {
    this.page = page;
    /** @type {ManuscriptStore | null} */
    this.store = null;
    /** @type {Manuscript | null} What was saved last. */
    this.saved = null;
    this.waiting = 0;
    /** @type {Promise<void>} */
    this.saving = Promise.resolve();
    // A phone may drop the tab any time after this.
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
    addEventListener("pagehide", () => this.save());
  }

  /** Opens what was changed last and is not open in another tab. @param {ManuscriptStore | null} store */
  async start(store) {
    this.store = store;
    const { page } = this;
    page.update({ ...page.state, keeping: store ? "yes" : "no" });
    try {
      for (const { id } of (await store?.list()) ?? []) {
        const kept = (await store?.claim(id)) ? await store?.load(id) : null;
        if (kept) {
          this.show(kept);
          return;
        }
      }
    } catch {
      this.cannot("keep_failed");
    }
    await this.begin();
  }

  /** @param {string} code */
  cannot(code) {
    this.page.update({ ...this.page.state, keeping: "no" });
    this.page.notice(code, {}, "hint");
  }

  /** @param {Manuscript} manuscript */
  show(manuscript) {
    this.saved = manuscript;
    this.page.update({ ...this.page.state, manuscript, message: "", speed: 0 });
  }

  /** A new manuscript on the desk; the former one is kept. */
  async begin() {
    await this.save();
    const manuscript = fresh();
    await this.store?.claim(manuscript.id);
    this.show(manuscript);
  }

  /** Called with every change. */
  changed() {
    const { manuscript } = this.page.state;
    if (!this.store || manuscript === this.saved || this.waiting) return;
    this.waiting = setTimeout(() => this.save(), PAUSE_MILLISECONDS);
  }

  /** Saves now, after what is being saved. @returns {Promise<void>} */
  save() {
    clearTimeout(this.waiting);
    this.waiting = 0;
    this.saving = this.saving.then(() => this.saveNow());
    return this.saving;
  }

  /** @private */
  async saveNow() {
    const { manuscript } = this.page.state;
    const nothing = !manuscript.passages.length && !manuscript.draft && !manuscript.name && !this.saved?.draft;
    if (!this.store || manuscript === this.saved || nothing) return;
    try {
      const written = { ...manuscript, changed: Date.now() };
      if (!(await this.store.save(written))) await this.saveCopy(written);
      this.saved = manuscript;
    } catch {
      if (this.page.state.keeping === "yes") this.cannot("keep_failed");
    }
  }

  /** Another tab has changed it: what stands here becomes a manuscript of its own. @private */
  async saveCopy(/** @type {Manuscript} */ manuscript) {
    const id = newId();
    await this.store?.claim(id);
    await this.store?.save({ ...manuscript, id });
    const { state } = this.page;
    this.page.update({ ...state, manuscript: { ...state.manuscript, id } });
    this.page.notice("copied_apart", {}, "hint");
  }

  async list() {
    await this.save();
    return (await this.store?.list().catch(() => [])) ?? [];
  }

  /** @param {string} id */
  async open(id) {
    if (!this.store || id === this.page.state.manuscript.id) return;
    await this.save();
    if (!(await this.store.claim(id))) {
      this.page.notice("open_elsewhere", {}, "hint");
      return;
    }
    const kept = await this.store.load(id).catch(() => null);
    if (kept) this.show(kept);
    else this.page.notice("manuscript_damaged");
  }

  /** @param {string} id @param {string} name */
  async rename(id, name) {
    const { state } = this.page;
    if (id === state.manuscript.id) {
      this.page.update({ ...state, manuscript: { ...state.manuscript, name } });
      await this.save();
      return;
    }
    const kept = await this.store?.load(id);
    if (kept) await this.store?.save({ ...kept, name });
  }

  /** @param {string} id */
  async remove(id) {
    clearTimeout(this.waiting);
    this.waiting = 0;
    await this.saving;
    await this.store?.remove(id);
    if (id !== this.page.state.manuscript.id) return;
    this.show(fresh());
    await this.store?.claim(this.page.state.manuscript.id);
  }

  /** @param {string} id @param {"txt" | "json"} kind @param {string} fallback Name of the file where there is none. */
  async exportAs(id, kind, fallback) {
    const { manuscript } = this.page.state;
    const kept = id === manuscript.id ? manuscript : await this.store?.load(id);
    if (!kept) return;
    const texts = kept.tips.length ? kept.tips.map((tip) => wholeText(kept, tip)) : [kept.draft];
    const content = kind === "txt" ? texts.join("\n\n* * *\n\n") : `${JSON.stringify(kept, null, 1)}\n`;
    saveText(`${fileName(kept.name || fallback)}.${kind}`, content);
  }
}

/** @param {string} name Without what file systems refuse. */
export const fileName = (name) => name.replace(/[\p{Cc}\\/:*?"<>|]/gu, "").slice(0, 80) || "text";
