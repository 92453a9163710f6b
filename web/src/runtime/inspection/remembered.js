/** States of texts that were encoded, so that what the model said in them can be asked without reading them again. */

const MOST_TEXTS = 16;
const MOST_NUMBERS = 2 ** 24; // 64 MB

export class Remembered {
  constructor() {
    /** @type {{ids: number[], states: Float32Array}[]} The latest first. */
    this.texts = [];
  }

  /**
   * @param {number[]} ids
   * @param {Float32Array} states [ids, D]
   */
  keep(ids, states) {
    const longer = (/** @type {number[]} */ other) => other.length > ids.length && begins(other, ids);
    if (this.texts.some(({ ids: other }) => longer(other))) return;
    this.texts = [{ ids: [...ids], states }, ...this.texts.filter(({ ids: other }) => !begins(ids, other))];
    let numbers = 0;
    const room = this.texts.findIndex((text) => (numbers += text.states.length) > MOST_NUMBERS);
    this.texts.length = Math.min(this.texts.length, MOST_TEXTS, room < 0 ? MOST_TEXTS : Math.max(1, room));
  }

  /**
   * @param {number[]} ids Not empty.
   * @returns {Float32Array | null} The state after the last of them.
   */
  find(ids) {
    const found = this.texts.find(({ ids: known }) => begins(known, ids));
    if (!found) return null;
    const width = found.states.length / found.ids.length;
    return found.states.slice((ids.length - 1) * width, ids.length * width);
  }
}

function begins(/** @type {number[]} */ whole, /** @type {number[]} */ start) {
  return start.length <= whole.length && start.every((id, place) => id === whole[place]);
}
