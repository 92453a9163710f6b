/** Why something cannot be seen, by a code that the views have a sentence for. */
export class Unseen extends Error {
  /** @param {"unsupported" | "nan"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** @param {number} value @returns {number} The same. @throws {Unseen} NaN says that the weights are no numbers. */
export function numbers(value) {
  if (Number.isNaN(value)) throw new Unseen("nan");
  return value;
}
