/**
 * The messages between the page and its worker. Everything is plain data; nothing else is ever sent.
 *
 * A run of `generate` ends with exactly one `done` or `error` that carries its id; until then the worker is busy, also
 * after `stop`.
 *
 * @typedef {object} Settings
 * @property {number} temperature 0 always takes the likeliest token.
 * @property {number} topK 0 for all.
 * @property {number} topP
 * @property {number} repetitionPenalty
 * @property {number} maxNewTokens
 * @property {number} seed 0 to 2**32 - 1.
 * @property {boolean} [finishSentence] Goes on past `maxNewTokens` to the end of the sentence (docs/controls.md); not done
 *   where it is left out.
 * @property {number} [avoidCopying] Characters of the shortest run of the training text that must not be written; 0, or left
 *   out, where copies are allowed. The worker fetches the index that it takes.
 *
 * @typedef {object} Snapshot Where a text stands, so that writing can go on from there.
 * @property {number[]} window Ids that the model sees; the last one is not encoded yet.
 * @property {number[]} newIds All ids written after the prompt.
 *
 * @typedef {{type: "load", url: string, backend: string, threads?: number | null, model?: string}} LoadMessage `url` ends in a
 *   slash; without `threads` the worker finds out by timing how many are best; `model` is the hash of the version to open
 *   while it is kept, else the newest is.
 * @typedef {{type: "generate", id: number, prompt: string, resume: Snapshot | null, sample: number,
 *   settings: Settings}} GenerateMessage `prompt` is what the first of a snapshot's `newIds` was written after.
 * @typedef {{type: "stop"}} StopMessage
 * @typedef {{type: "reset"}} ResetMessage Forgets keys and values, which frees their memory.
 * @typedef {{type: "inspection", id: number, failed?: "stopped" | "unsupported" | "nan" | "gone" | "unknown", detail?: string,
 *   [content: string]: any}} InspectionMessage What was asked for, as Inspector (inspection/inspector.js) gives it, or why
 *   not.
 *
 * @typedef {{type: "candidates", id: number, text: string, k: number} | {type: "score" | "tokenize", id: number,
 *   text: string}} Question Ends with one answer, `stopped` or `error`; until then the worker is busy.
 * @typedef {object} InspectMessage Asks for what is inside a text: `prompt` and the tokens that were written after it.
 *   Ends with one `inspection`; what is to be written comes first, and stops it.
 * @property {"inspect"} type
 * @property {number} id Below 0.
 * @property {"tokens" | "candidates" | "surprise" | "attention" | "projections" | "lens" | "walk"} what
 * @property {string} prompt
 * @property {number[]} newIds
 * @property {number} [from] The tokens that are looked at, all where it is left out; `limit` says how many can be.
 * @property {number} [to]
 * @property {number} [layer]
 * @property {number} [position] In candidates of the whole text, -1 for what may begin it; else of the tokens looked at.
 * @property {[number, number]} [rows] Positions that the lens is wanted for.
 *
 * @typedef {LoadMessage | GenerateMessage | StopMessage | ResetMessage | Question | InspectMessage} ToWorker
 *
 * @typedef {{type: "progress", phase: "download" | "cache" | "prepare" | "check", loaded: number, total: number}}
 *   ProgressMessage Bytes in the first two phases.
 * @typedef {object} ReadyMessage
 * @property {"ready"} type
 * @property {string} backend
 * @property {string} passedOver Why a faster way of computing was not taken; empty when none was passed over.
 * @property {number} threads How many compute.
 * @property {boolean} simd Whether WebAssembly's vector instructions are in use; true where they do not matter.
 * @property {string} model SHA-256 of its bundle.json: says which model this is.
 * @property {"stored" | "full" | "unavailable"} storage Whether the files are kept for the next visit.
 * @property {boolean} fromCache
 * @property {number} maxError Largest difference of a logit from the golden trace.
 * @property {number} millisecondsPerToken At the start of a text.
 * @property {number} contextLength
 * @property {Record<string, any>} generation The content of the bundle's generation_config.json.
 * @property {number} seconds From `load` to `ready`.
 *
 * @typedef {{type: "token", id: number, text: string, count: number, milliseconds: number}} TokenMessage
 *   `text` is what the token completes, often one character, sometimes nothing; `milliseconds` since the one before.
 *   Behind what may be the end of a sentence a token waits for the next, and `count` tells that several come together.
 * @typedef {object} DoneMessage
 * @property {"done"} type
 * @property {number} id
 * @property {string} text All that has been written after the prompt, former runs included.
 * @property {"length" | "end_of_text" | "stopped"} finish
 * @property {Snapshot} snapshot
 * @property {number} cutTokens Tokens of the prompt that the model could not see.
 * @property {number} prefillTokens
 * @property {number} prefillMilliseconds
 * @property {{numTensors: number, numBytes: number}} memory After the run, for tests and benchmarks.
 *
 * @typedef {{type: "error", id: number | null, code: import("./trouble.js").TroubleCode, detail: string}} ErrorMessage
 * @typedef {object} ScoreMessage
 * @property {"score"} type
 * @property {number} id
 * @property {number[]} ids
 * @property {string[]} tokens Their texts; one that is part of a character is U+FFFD.
 * @property {number[]} logProbabilities Natural logarithms, each given all tokens before it within the window.
 *
 * @typedef {{type: "candidates", id: number, candidates: {id: number, text: string, probability: number}[]} |
 *   {type: "tokens", id: number, ids: number[], tokens: string[]} | {type: "stopped", id: number} | ScoreMessage} Answer
 * @typedef {ProgressMessage | ReadyMessage | TokenMessage | DoneMessage | ErrorMessage | Answer |
 *   InspectionMessage} FromWorker
 */

export {};
