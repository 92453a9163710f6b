/**
 * What the page finds in a copies.bin: node find_copies.js < request > answer
 *
 * Request: {file, corpus, texts, read, guard}: a path, the corpus's name, texts to look up, pieces [begin, end] of the
 * corpus to give back, and {json, facts, least, before} for the tokens that a guard forbids after lists of ids. Answer:
 * {found, read, forbidden, completes}.
 */

import { readFileSync } from "node:fs";
import { openCopies } from "../../../web/src/runtime/originality/copies_file.js";
import { CopyGuard } from "../../../web/src/runtime/originality/guard.js";
import { copiedRuns } from "../../../web/src/runtime/originality/runs.js";
import { Tokenizer } from "../../../web/src/runtime/writing/tokenizer.js";

const { file, corpus, texts, read = [], guard = null } = JSON.parse(readFileSync(0, "utf8"));
const copies = await openCopies(new Uint8Array(readFileSync(file)), corpus);
const answer = {
  found: texts.map((text) => copiedRuns(copies, text)),
  read: read.map(([begin, end]) => copies.index.read(begin, end)),
};
if (guard) {
  const tokenizer = new Tokenizer(guard.json, guard.facts);
  const keeper = new CopyGuard(copies.index, tokenizer, guard.least);
  const all = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
  answer.forbidden = guard.before.map((ids) => [...keeper.forbidden(ids)]);
  answer.completes = guard.before.map((ids) => all.filter((id) => keeper.completes(ids, id)));
}
process.stdout.write(JSON.stringify(answer));
