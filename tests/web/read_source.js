/**
 * Reads all that a file's source gives, in a page of the sources' origin, for tests/web/test_offline_file.py.
 *
 * Returns arrays as lists by name, those of a layer in a list of layers; candidates from position -1 on.
 */
async ({ url, payload }) => {
  const { openPayload } = await import(`${url}views/file_source.js`);
  const source = openPayload(payload, "en");
  const each = async (count, first, read) => {
    const found = [];
    for (let i = 0; i < count; i++) found.push(await read(first + i));
    return found;
  };
  const list = (object) =>
    Object.fromEntries(
      Object.entries(object).map(([name, value]) => [name, ArrayBuffer.isView(value) ? Array.from(value) : value]),
    );
  const { layers } = source.shape;
  const length = source.tokens.length;
  return {
    tokens: source.tokens,
    shape: source.shape,
    settings: source.settings,
    note: source.note ?? "",
    attention: await each(layers, 0, async (layer) => Array.from(await source.attention(layer))),
    projections: await each(layers, 0, async (layer) => list(await source.projections(layer))),
    candidates: await each(length + 1, -1, async (position) => list(await source.candidates(position))),
    surprise: list(await source.surprise()),
    lens: list(await source.lens()),
    part: list(await source.lens(2, 5)),
    walk: await each(length, 0, async (position) => list(await source.walk(position))),
  };
}
