/** Opens a model that `python -m export.site` or `export.tfjs` has written, and writes with it in this browser. */

/** What steers the writing; what is left out is as the model's generation_config.json says. docs/controls.md. */
export interface Settings {
  /** 0 always takes the likeliest token. */
  temperature?: number;
  /** Draw among so many likeliest tokens; 0 for all. */
  topK?: number;
  /** Draw among the fewest tokens that have this probability together; above 0 and at most 1. */
  topP?: number;
  /** Above 1 makes tokens already there rarer. */
  repetitionPenalty?: number;
  maxNewTokens?: number;
  /**
   * Writes no run of so many characters of the training text; 0, or left out, for no limit, else 5 or more. Takes the index
   * of a site made with `--originality=index`, in the folder `originality` beside the bundle, which is then fetched once.
   */
  avoidCopying?: number;
  /** 0 to 2**32 - 1; same seed, same text. Left out, one is drawn: `Writing.seed`. */
  seed?: number;
  /** Which of the texts of one seed, from 0. */
  sample?: number;
  /** Goes on past `maxNewTokens` to the end of the sentence, by at most 60 tokens; false when left out. */
  finishSentence?: boolean;
}

export interface GenerateOptions extends Settings {
  /** Ends the writing; the loop then throws the signal's reason. */
  signal?: AbortSignal;
  /** A former result for the same opening: writing goes on from there, with its seed and sample unless others are given. */
  resume?: Result;
}

/** What was written after an opening. */
export interface Result {
  /** All of it, that of the runs before a `resume` included. */
  text: string;
  /** "stopped" when the loop was left or `stop` called. */
  finish: "length" | "end_of_text" | "stopped";
  numTokens: number;
  /** Tokens of the opening that the model could not see. */
  cutTokens: number;
  seed: number;
  sample: number;
  /** Where the writing stands, for `resume`; plain data. */
  snapshot: { window: number[]; newIds: number[] };
}

/** A text on its way. It begins with the first look: a loop over its pieces, or `result`. One loop a writing. */
export interface Writing extends AsyncIterable<string> {
  readonly seed: number;
  readonly sample: number;
  /** Settled when the writing has ended, also after the loop was left. */
  readonly result: Promise<Result>;
  /** Ends the writing where it is; `result` then says "stopped". */
  stop(): void;
}

export interface Candidate {
  /** What the token adds; one that is part of a character shows as U+FFFD. */
  text: string;
  id: number;
  /** Its share of what all ids of the tokenizer have together. */
  probability: number;
}

export interface Tokens {
  ids: number[];
  /** Their texts. */
  tokens: string[];
}

export interface Score extends Tokens {
  /** Natural logarithms, each given all tokens before it within the window. */
  logProbabilities: number[];
  /** exp of their mean with the sign changed; NaN for an empty text. */
  perplexity: number;
}

/** One text or question at a time, in the order of asking. */
export interface Model {
  /** What `generate` takes for settings that are left out. */
  readonly defaults: Readonly<Required<Omit<Settings, "seed">>>;
  /** "threads", "kernels", "wasm", "webgpu" or "webgl"; another one may take over when it fails. */
  readonly backend: string;
  readonly contextLength: number;
  /** Whether the files are kept for the next visit. */
  readonly storage: "stored" | "full" | "unavailable";
  readonly fromCache: boolean;
  /** SHA-256 of the model's bundle.json: says which model this is. */
  readonly hash: string;
  /** Writes on from an opening; an empty one lets the model begin. @throws {GPT2Error} A setting is wrong. */
  generate(opening: string, options?: GenerateOptions): Writing;
  /** The k likeliest next tokens, likeliest first. */
  candidates(text: string, k?: number, options?: { signal?: AbortSignal }): Promise<Candidate[]>;
  /** How likely the model finds a text, token by token; takes about as long as writing it. */
  score(text: string, options?: { signal?: AbortSignal }): Promise<Score>;
  tokenize(text: string): Promise<Tokens>;
  /**
   * Asks the host whether it has a newer version than the one that was opened: what is kept is opened first.
   * Null when there is none, or when it cannot be reached.
   */
  findUpdate(): Promise<Update | null>;
  /** Ends the workers and frees their memory; what is under way fails with code "disposed". */
  dispose(): void;
}

export interface Update {
  /** Still to be fetched. */
  bytes: number;
  /** Fetches it beside the model that writes, which goes on; the next `load` opens it. @throws {GPT2Error} */
  fetch(onProgress?: (loaded: number, total: number) => void): Promise<"stored" | "full" | "unavailable">;
}

export interface Progress {
  phase: "download" | "cache" | "prepare" | "check";
  /** Bytes in the first two phases. */
  loaded: number;
  total: number;
}

export interface LoadOptions {
  onProgress?: (progress: Progress) => void;
  /** The way of computing to begin with; without one the fastest that usually works. */
  backend?: "threads" | "kernels" | "wasm" | "webgpu" | "webgl";
  /** How many threads to compute with where the page is isolated; without it the fastest number is found by timing. */
  threads?: number;
  signal?: AbortSignal;
}

/** @param url The bundle's folder, relative to the page. @throws {GPT2Error} */
export function load(url: string | URL, options?: LoadOptions): Promise<Model>;

export class GPT2Error extends Error {
  readonly name: "GPT2Error";
  /** "setting", "disposed", or one of web/src/runtime/trouble.js: "offline", "missing_file", "out_of_memory" and so on. */
  readonly code: string;
  /** What happened and what to do, in English; also the message. */
  readonly sentence: string;
  /** What a maintainer wants to know: a file name, an engine's message. */
  readonly detail: string;
}
