/**
 * Manuscripts in the browser's database. Each has a version: who saves over one that another tab has changed since is
 * told so and loses nothing. While a tab has a manuscript open it holds a lock on it, where the browser has locks.
 */

import { wrongManuscript } from "./manuscript/check.js";
import { wholeText } from "./manuscript/tree.js";

/**
 * @typedef {import("./manuscript/tree.js").Manuscript} Manuscript
 * @typedef {{id: string, name: string, changed: number, excerpt: string, version: number}} Head
 */

const HEADS = "heads";
const WHOLE = "manuscripts";
const EXCERPT = 60;

/**
 * @param {string} name Of the database: one for each site, since hosts keep several under one origin.
 * @param {IDBFactory | undefined} factory
 * @param {LockManager | undefined} [locks]
 * @returns {Promise<ManuscriptStore | null>} Null where the browser keeps nothing.
 */
export async function openStore(name, factory, locks) {
  try {
    if (!factory) return null;
    const request = factory.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(HEADS, { keyPath: "id" });
      request.result.createObjectStore(WHOLE, { keyPath: "id" });
    };
    const database = await answered(request);
    database.onversionchange = () => database.close();
    return new ManuscriptStore(database, name, locks);
  } catch {
    return null; // private mode, a sandboxed frame, a disk that is full
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    /** @type {any} */ (request).onblocked = () => reject(new Error("blocked"));
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

export class ManuscriptStore {
  /** @param {IDBDatabase} database @param {string} name @param {LockManager} [locks] */
  constructor(database, name, locks) {
    this.database = database;
    this.name = name;
    this.locks = locks;
    /** @type {Map<string, number>} Versions as this tab knows them. */
    this.versions = new Map();
    this.letGo = () => {};
  }

  /** @returns {Promise<Head[]>} The one that was changed last comes first. */
  async list() {
    const transaction = this.database.transaction(HEADS);
    /** @type {Head[]} */
    const heads = await answered(transaction.objectStore(HEADS).getAll());
    return heads.sort((a, b) => b.changed - a.changed);
  }

  /** @param {string} id @returns {Promise<Manuscript | null>} Null when it is not there, or damaged. */
  async load(id) {
    const transaction = this.database.transaction([HEADS, WHOLE]);
    const head = await answered(transaction.objectStore(HEADS).get(id));
    const kept = await answered(transaction.objectStore(WHOLE).get(id));
    if (!head || !kept || wrongManuscript(kept)) return null;
    this.versions.set(id, head.version);
    return kept;
  }

  /**
   * @param {Manuscript} manuscript
   * @returns {Promise<boolean>} False when another tab has saved it since it was loaded; nothing is saved then.
   * @throws {DOMException} The device is full, or the database has gone.
   */
  async save(manuscript) {
    const { id, name, changed, tips, draft } = manuscript;
    const transaction = this.database.transaction([HEADS, WHOLE], "readwrite");
    const done = completed(transaction);
    done.catch(() => {});
    const head = await answered(transaction.objectStore(HEADS).get(id));
    const known = this.versions.get(id) ?? 0;
    if ((head?.version ?? 0) !== known) {
      transaction.abort();
      return false;
    }
    const excerpt = [...(tips.length ? wholeText(manuscript, tips[0]) : draft).slice(0, 4 * EXCERPT)];
    const version = known + 1;
    const entry = { id, name, changed, excerpt: excerpt.slice(0, EXCERPT).join(""), version };
    transaction.objectStore(HEADS).put(entry);
    transaction.objectStore(WHOLE).put(manuscript);
    this.versions.set(id, version);
    try {
      await done;
      return true;
    } catch (error) {
      this.versions.set(id, known);
      throw error;
    }
  }

  /** @param {string} id */
  async remove(id) {
    const transaction = this.database.transaction([HEADS, WHOLE], "readwrite");
    transaction.objectStore(HEADS).delete(id);
    transaction.objectStore(WHOLE).delete(id);
    await completed(transaction);
    this.versions.delete(id);
  }

  /**
   * Takes a manuscript for this tab, and lets the former one go.
   *
   * @param {string} id
   * @returns {Promise<boolean>} False when another tab has it.
   */
  async claim(id) {
    const { locks } = this;
    if (!locks) return true; // versions alone keep tabs apart
    return new Promise((resolve) => {
      locks
        .request(`${this.name} ${id}`, { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          if (!lock) return undefined;
          this.letGo();
          return new Promise((end) => {
            this.letGo = () => end(undefined);
          });
        })
        .catch(() => resolve(true)); // locks switched off
    });
  }
}
