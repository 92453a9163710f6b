/**
 * Against a loop of crashes: a page that opens its model by itself, and is taken down by it, would be taken down at every
 * visit. An opening is noted before it begins and the note goes when it ends, well or not, or when the page is left.
 */

const KEY = "tf_gpt2 opening ";
const MOST = 2;

export class OpeningGuard {
  /**
   * @param {string} url The bundle's folder.
   * @param {Storage | undefined} storage Without one every visit opens.
   */
  constructor(url, storage) {
    this.key = KEY + url;
    this.storage = storage;
  }

  /** Whether the model may be opened unasked: not after two openings that never ended. */
  mayOpen() {
    return this.count() < MOST;
  }

  begin() {
    this.set(this.count() + 1);
    this.begun = true;
  }

  /** The opening came to an end, or the visitor left in the middle of it. */
  end(ended = true) {
    if (!this.begun) return;
    this.begun = false;
    this.set(ended ? 0 : this.count() - 1);
  }

  /** @private */
  count() {
    try {
      return Number(this.storage?.getItem(this.key)) || 0;
    } catch {
      return 0;
    }
  }

  /** @private */
  set(/** @type {number} */ count) {
    try {
      if (count > 0) this.storage?.setItem(this.key, String(count));
      else this.storage?.removeItem(this.key);
    } catch {} // switched off or full
  }
}
