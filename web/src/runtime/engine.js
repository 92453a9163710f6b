/** What runs inside the worker, whichever backend it was built with: the contract's messages in, messages out. */

import { loadBundle } from "./bundle/bundle.js";
import { WeightStore } from "./bundle/weights.js";
import { Inspector } from "./inspection/inspector.js";
import { Unseen } from "./inspection/unseen.js";
import { offered } from "./offered.js";
import { Guards } from "./originality/guards.js";
import { asTrouble } from "./trouble.js";
import { checkGolden } from "./writing/golden.js";
import { timeSteps } from "./writing/probe.js";
import { candidates, score, tokenize } from "./writing/questions.js";
import { SentenceEnd } from "./writing/sentences.js";
import { StreamDecoder, Tokenizer } from "./writing/tokenizer.js";
import { Writer } from "./writing/writer.js";

/**
 * @typedef {import("./contract.js").FromWorker} FromWorker
 * @typedef {import("./contract.js").GenerateMessage} GenerateMessage
 * @typedef {import("./decoder.js").Decoder} Decoder
 * @typedef {object} Backend What a worker brings; the engine itself knows no library, so that a worker holds only its own.
 * @property {string} name
 * @property {(onLost: (detail: string) => void, wanted: string, threads: number | null) =>
 *   Promise<{simd: boolean}>} start
 * @property {import("./bundle/room.js").Allocate} [allocate] Where weights are to lie, if not in JavaScript's memory.
 * @property {(config: import("./decoder.js").ModelConfig, weights: WeightStore, vocabularySize: number,
 *   check: (decoder: Decoder) => Promise<void>) => Promise<Decoder>} createDecoder May try several with the self-check,
 *   which throws.
 * @property {() => string} [passedOver] Why a faster decoder was not taken; empty when none was passed over.
 * @property {() => number} [threads] How many compute; one where it is not said.
 * @property {() => {numTensors: number, numBytes: number}} memory What is allocated for the model and its work.
 */

/**
 * @param {Backend} backend
 * @param {(message: FromWorker) => void} post
 * @returns {(message: import("./contract.js").ToWorker) => Promise<void>} To be called with every message.
 */
export function createEngine(backend, post) {
  /** @type {{tokenizer: Tokenizer, writer: Writer, inspector: Inspector, guards: Guards} | null} */
  let model = null;
  let stopping = false;
  let lost = "";

  const fail = (/** @type {number | null} */ id, /** @type {unknown} */ error) => {
    const trouble = asTrouble(error);
    const code = lost ? "device_lost" : trouble.code;
    post({ type: "error", id, code, detail: lost || trouble.detail });
  };

  async function load(/** @type {import("./contract.js").LoadMessage} */ message) {
    const { url, backend: wanted, threads = null, model: version } = message;
    const started = performance.now();
    const progress = (/** @type {any} */ phase, /** @type {number} */ loaded, /** @type {number} */ total) =>
      post({ type: "progress", phase, loaded, total });
    const { simd } = await backend.start(
      (detail) => {
        lost = detail;
        fail(null, detail);
      },
      wanted,
      threads,
    );
    const environment = {
      fetch: globalThis.fetch.bind(globalThis),
      caches: offered("caches"),
      allocate: backend.allocate,
    };
    const bundle = await loadBundle(url, progress, environment, version);
    progress("prepare", 0, 1);
    const json = (/** @type {string} */ path) => JSON.parse(new TextDecoder().decode(bundle.files.get(path)));
    const config = json("config.json");
    const tokenizer = new Tokenizer(json("tokenizer.json"), bundle.index.tokenizer);
    /** @type {Decoder | null} */
    let checked = null;
    let maxError = Number.NaN;
    const check = async (/** @type {Decoder} */ candidate) => {
      progress("check", 0, 1);
      maxError = await checkGolden(json("golden.json"), candidate, tokenizer);
      checked = candidate;
    };
    const weights = new WeightStore(bundle);
    const decoder = await backend.createDecoder(config, weights, tokenizer.vocabularySize, check);
    if (decoder !== checked) await check(decoder);
    const writer = new Writer(decoder, config.n_positions, tokenizer.endOfTextId);
    const guards = new Guards(url, bundle.hash, tokenizer, environment);
    model = { tokenizer, writer, inspector: new Inspector(tokenizer, writer, config), guards };
    post({
      type: "ready",
      backend: decoder.name ?? backend.name,
      passedOver: backend.passedOver?.() ?? "",
      threads: backend.threads?.() ?? 1,
      simd,
      model: bundle.hash,
      storage: bundle.storage,
      fromCache: bundle.fromCache,
      maxError,
      millisecondsPerToken: await timeSteps(decoder, config.n_positions),
      contextLength: config.n_positions,
      generation: json("generation_config.json"),
      seconds: (performance.now() - started) / 1000,
    });
  }

  async function generate(/** @type {GenerateMessage} */ { id, prompt, resume, sample, settings }) {
    if (!model) throw new Error("generate before ready");
    const { tokenizer, writer, guards } = model;
    stopping = false;
    const promptIds = tokenizer.encode(prompt);
    const { snapshot, cutTokens } = resume ? { snapshot: resume, cutTokens: 0 } : writer.start(promptIds);
    const guard = await guards.get(settings.avoidCopying ?? 0);
    const guarded = guard && { guard, promptIds };
    const text = new StreamDecoder(tokenizer);
    let whole = snapshot.newIds.map((old) => text.push(old)).join("");
    const sentence = settings.finishSentence ? new SentenceEnd(settings.maxNewTokens, whole) : null;
    const started = performance.now();
    let before = started;
    let first = 0;
    let shown = 0;
    const onToken = (/** @type {number} */ token) => {
      const now = performance.now();
      first ||= now;
      const fresh = text.push(token);
      const piece = sentence ? sentence.push(fresh) : fresh;
      const count = sentence ? sentence.kept - shown : 1;
      if (!count) return; // past what may be the end of the sentence
      shown += count;
      whole += piece;
      post({ type: "token", id, text: piece, count, milliseconds: now - before });
      before = now;
    };
    const result = await writer.write(snapshot, settings, sample, stopped, onToken, sentence, guarded);
    post({
      type: "done",
      id,
      text: whole + (result.finish === "end_of_text" ? text.flush() : ""),
      finish: result.finish,
      snapshot: result.snapshot,
      cutTokens,
      prefillTokens: snapshot.window.length,
      prefillMilliseconds: (first || performance.now()) - started,
      memory: backend.memory(),
    });
  }

  async function answer(/** @type {import("./contract.js").Question} */ message) {
    if (!model) throw new Error(`${message.type} before ready`);
    const { tokenizer, writer } = model;
    const { id, text } = message;
    stopping = false;
    if (message.type === "tokenize") {
      post({ type: "tokens", id, ...tokenize(tokenizer, text) });
    } else if (message.type === "candidates") {
      const found = await candidates(tokenizer, writer, text, message.k, stopped);
      post(found ? { type: "candidates", id, candidates: found } : { type: "stopped", id });
    } else {
      const found = await score(tokenizer, writer, text, stopped);
      post(found ? { type: "score", id, ...found } : { type: "stopped", id });
    }
  }

  /** Whether the page wants the run to end; gives its message a chance to come in. */
  async function stopped() {
    await letMessagesIn();
    if (lost) throw new Error(lost);
    return stopping;
  }

  /** @type {Promise<void>} All inspections so far. */
  let looking = Promise.resolve();
  let wanted = 0; // how many inspections wait or run
  let writing = 0; // how many other messages are being worked on
  let disturbed = false;

  async function inspect(/** @type {import("./contract.js").InspectMessage} */ message) {
    const { id } = message;
    /** @type {Record<string, any> | null} */
    let found = null;
    try {
      if (model && !writing) {
        disturbed = false;
        found = await model.inspector.answer(message, async () => {
          await letMessagesIn();
          return disturbed;
        });
      }
      post({ type: "inspection", id, ...(found ?? { failed: "stopped" }) });
    } catch (error) {
      if (lost) fail(id, error);
      const failed = error instanceof Unseen ? error.code : "unknown";
      post({ type: "inspection", id, failed, detail: asTrouble(error).detail });
    }
  }

  return async (message) => {
    if (message.type === "inspect") {
      wanted++;
      looking = looking.then(() => inspect(message));
      await looking;
      wanted--;
      return;
    }
    if (message.type !== "stop") {
      // The decoder can do one thing at a time, and a visitor who writes does not want to look.
      writing++;
      disturbed = true;
      if (wanted) await looking;
    }
    await work(message);
    if (message.type !== "stop") writing--;
  };

  async function work(/** @type {Exclude<import("./contract.js").ToWorker, {type: "inspect"}>} */ message) {
    try {
      if (message.type === "load") await load(message);
      else if (message.type === "generate") await generate(message);
      else if (message.type === "stop") stopping = true;
      else if (message.type === "reset") {
        model?.writer.reset();
        model?.inspector.reset();
      } else await answer(message);
    } catch (error) {
      fail("id" in message ? message.id : null, error);
    }
  }
}

const channel = new MessageChannel();

/** A trip through the event loop; setTimeout would wait for 4 ms each time. */
function letMessagesIn() {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve(undefined);
    channel.port2.postMessage(null);
  });
}
