/** The guards against copies that a model writes with: its index is fetched when one is first asked for. */

import { Trouble } from "../trouble.js";
import { FmIndex } from "./fm_index.js";
import { originalityBeside } from "./folder.js";
import { CopyGuard } from "./guard.js";
import { openOriginality } from "./store.js";

export class Guards {
  /**
   * @param {string} bundle The bundle's folder.
   * @param {string} model Its hash.
   * @param {import("../writing/tokenizer.js").Tokenizer} tokenizer
   * @param {import("../bundle/bundle.js").Environment} environment
   */
  constructor(bundle, model, tokenizer, environment) {
    this.bundle = bundle;
    this.model = model;
    this.tokenizer = tokenizer;
    this.environment = environment;
    /** @type {FmIndex | null} */
    this.index = null;
    /** @type {CopyGuard | null} */
    this.guard = null;
  }

  /**
   * @param {number} least Characters of the shortest run that must not be written; 0 for no guard.
   * @throws {Trouble} The site has no index, or it cannot be fetched.
   */
  async get(least) {
    if (!least) return null;
    this.index ??= await this.open();
    if (this.guard?.least !== least) this.guard = new CopyGuard(this.index, this.tokenizer, least);
    return this.guard;
  }

  /** @private */
  async open() {
    const { allocate: _, ...environment } = this.environment;
    const copies = await openOriginality(originalityBeside(this.bundle), this.model, environment);
    if (!(copies?.index instanceof FmIndex)) throw new Trouble("originality_other", "hashes");
    return copies.index;
  }
}
