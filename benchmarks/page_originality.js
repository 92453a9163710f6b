/**
 * How fast the page's code opens an index of the training text and finds copies: in a page that serves web/src/runtime,
 * the files of the benchmark beside it. Times are medians in milliseconds.
 *
 * @param {{file: string, text: string, lookups: number}} given Addresses of copies.bin and of the whole text.
 */
async ({ file, text, lookups }) => {
  const { openCopies } = await import("/originality/copies_file.js");
  const { copiedRuns } = await import("/originality/runs.js");
  const content = new Uint8Array(await (await fetch(file)).arrayBuffer());
  const characters = [...(await (await fetch(text)).text())];
  const begin = performance.now();
  const copies = await openCopies(content, "corpus");
  const opened = performance.now() - begin;

  let state = 1;
  const below = (count) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 4) % count;
  };
  const piece = (length) => {
    const at = below(Math.max(1, characters.length - length));
    return characters.slice(at, at + length);
  };
  const kinds = {
    a_copy_of_1000: () => piece(1000),
    of_1000_others: () => piece(1000).sort(() => below(3) - 1),
    of_33_copies_of_30: () => Array.from({ length: 33 }, () => piece(30)).flat(),
  };
  /** Bytes of all buffers that an object holds, each once. */
  const held = (root) => {
    const [seen, buffers, open] = [new Set(), new Set(), [root]];
    while (open.length) {
      const one = open.pop();
      if (ArrayBuffer.isView(one)) buffers.add(one.buffer);
      else if (one && typeof one === "object" && !seen.has(one)) open.push(...Object.values(seen.add(one) && one));
    }
    return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  };
  const figures = { milliseconds_to_open: Math.round(opened), megabytes_in_memory: Math.round(held(copies) / 1e6) };
  for (const [name, make] of Object.entries(kinds)) {
    const times = Array.from({ length: lookups }, () => {
      const one = make().join("");
      const start = performance.now();
      copiedRuns(copies, one);
      return performance.now() - start;
    });
    times.sort((one, other) => one - other);
    figures[`milliseconds_${name}`] = Number(times[times.length >> 1].toFixed(2));
  }
  return figures;
};
