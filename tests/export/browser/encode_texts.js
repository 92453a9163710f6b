/**
 * What the page's tokenizer makes of texts and ids: node encode_texts.js < request > answer
 *
 * Request: [{json, facts, texts, ids}]: the content of tokenizer.json, the facts of bundle.json, texts to encode, lists
 * of ids to decode. Answer, one for each: {end, start, ids, texts, pieces}: `start` is what an empty opening starts
 * from, `pieces` the decoded texts as they come token by token.
 */

import { readFileSync } from "node:fs";
import { StreamDecoder, Tokenizer } from "../../../web/src/runtime/writing/tokenizer.js";
import { Writer } from "../../../web/src/runtime/writing/writer.js";

const requests = JSON.parse(readFileSync(0, "utf8"));
const answers = requests.map(({ json, facts, texts, ids }) => {
  const tokenizer = new Tokenizer(json, facts);
  const writer = new Writer({ reset() {} }, 1000, tokenizer.endOfTextId);
  return {
    end: tokenizer.endOfTextId,
    start: writer.start(tokenizer.encode("")).snapshot.window,
    ids: texts.map((text) => tokenizer.encode(text)),
    texts: ids.map((list) => tokenizer.decode(list)),
    pieces: ids.map((list) => {
      const stream = new StreamDecoder(tokenizer);
      return [...list.map((id) => stream.push(id)), stream.flush()];
    }),
  };
});
process.stdout.write(JSON.stringify(answers));
