/**
 * Whether the graphics card writes. A visit begins with WebAssembly, which is there at once; where there is a real
 * graphics card, the page tries it in the background, keeps the faster one and remembers which it was.
 */

export const GRAPHICS = "webgpu";
/** The graphics card must need at most this share of the time: less is not worth a change, nor safe from noise. */
export const MARGIN = 0.8;

const STAY = "stay";
const KEY = "tf_gpt2 graphics";
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render|software/i;

/**
 * @param {GPU | undefined} gpu
 * @returns {Promise<string | null>} What the card calls itself; null where there is none, or a program plays one.
 */
export async function describeAdapter(gpu) {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return null;
  const { info, isFallbackAdapter } = /** @type {any} */ (adapter); // newer than the types
  const name = [info.vendor, info.architecture, info.device, info.description].join("/");
  return info.isFallbackAdapter || isFallbackAdapter || SOFTWARE.test(name) ? null : name;
}

export class GraphicsChoice {
  /**
   * @param {string} model Changes with the model: what was faster for one need not be for another.
   * @param {GPU | undefined} gpu
   * @param {() => Storage} storage May throw where it is switched off; then every visit tries again.
   */
  constructor(model, gpu, storage) {
    this.model = model;
    this.gpu = gpu;
    this.storage = storage;
  }

  /** @returns {Promise<string | null>} The backend to begin with, if a former visit found the card faster. */
  async remembered() {
    const { adapter, model, choice } = this.recall();
    if (choice !== GRAPHICS || model !== this.model) return null;
    return (await describeAdapter(this.gpu)) === adapter ? GRAPHICS : null;
  }

  /**
   * Tries the card once for each card and model.
   *
   * @param {{challenge: (backend: string, toBeat: number) => Promise<boolean>}} client
   * @param {import("../runtime/contract.js").ReadyMessage} ready Of the backend that writes now.
   * @param {() => Promise<void>} idle Until nothing is being written.
   */
  async consider(client, ready, idle) {
    // Without a store of its own the second worker would download everything again.
    if (ready.backend === GRAPHICS || ready.storage !== "stored") return;
    const adapter = await describeAdapter(this.gpu);
    const known = this.recall();
    if (!adapter || (known.adapter === adapter && known.model === this.model)) return;
    await idle();
    // Noted as lost before it begins: a card that takes the tab down with it is not tried at the next visit.
    this.remember(adapter, STAY);
    const won = await client.challenge(GRAPHICS, ready.millisecondsPerToken * MARGIN);
    if (won) this.remember(adapter, GRAPHICS);
  }

  /** The card failed after it was chosen: later visits do without. */
  failed() {
    const { adapter } = this.recall();
    if (adapter) this.remember(adapter, STAY);
  }

  /** @private */
  remember(/** @type {string} */ adapter, /** @type {string} */ choice) {
    try {
      this.storage().setItem(KEY, JSON.stringify({ adapter, model: this.model, choice }));
    } catch {} // switched off or full
  }

  /** @private @returns {{adapter?: string, model?: string, choice?: string}} */
  recall() {
    try {
      return JSON.parse(this.storage().getItem(KEY) ?? "{}") ?? {};
    } catch {
      return {};
    }
  }
}
