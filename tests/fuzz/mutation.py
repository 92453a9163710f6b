"""Damage to files: to their bytes, and inside what contains others (zip, safetensors, lines of JSON)."""

import io
import json
import pathlib
import warnings
import zipfile

from .json_mutation import RAW, mutate_json

LARGEST = 1_000_000  # bytes of a damaged file
# What readers trip over: controls, marks, halves of characters, markup, long things that ask for quadratic time.
PIECES = (
    b"\0", b"\xff", b"\x80", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b]0;owned\x07", b"\x1b[2J",
    b"\x9b31m", b"\xc2\x9b31m", "\u202e".encode(), "\u2066".encode(), "\u2028".encode(), "\x85".encode(),
    b"\xed\xa0\x80", b"\r", b"\r\n", b"\n", b"\n\n", b"\t", b'"', b"'", b",", b";", b"\\", b"{", b"}", b"[",
    b"]", b"<", b">", b"&#x110000;", b"&#xd800;", b"&amp", b"<![CDATA[", b"<!--", b"<!ENTITY a 'b'>",
    b"<!DOCTYPE", b"<a ", b"</", b"<|endoftext|>", b"[UNK]", b"##", b"\x1b$B", b"~{", b"#version", b"../", b"0",
    b"-1", b"99999999999999999999", b"1e999", b"NaN",
)  # fmt: skip


def mutate(rng, name, data):
    """A damaged copy of a file's bytes, at most `LARGEST` long; `name` tells what the file is."""
    inside = _INSIDE.get(pathlib.PurePath(name).suffix.lower())
    if inside is not None and rng.random() < 0.75:
        data = inside(rng, data) or data
        if rng.random() < 0.8:
            return data[:LARGEST]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_CHANGES)(rng, data)[:LARGEST]
    return data


def _flip_bits(rng, data):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_near_the_start(rng, data):
    """Headers decide more than what follows them."""
    return _flip_bits(rng, data[:64]) + data[64:]


def _truncate(rng, data):
    return data[: rng.choice((0, 1, 7, rng.randint(0, len(data)), max(0, len(data) - 1)))]


def _cut_out(rng, data):
    begin, end = sorted(rng.randint(0, len(data)) for _ in range(2))
    return data[:begin] + data[end:]


def _insert(rng, data):
    place = rng.randint(0, len(data))
    return data[:place] + rng.choice(PIECES) + data[place:]


def _repeat(rng, data):
    """A piece, of the file's own or another, as often as fits: what takes quadratic time shows here."""
    begin = rng.randint(0, len(data))
    piece = rng.choice((rng.choice(PIECES), data[begin : begin + rng.choice((1, 2, 5, 100))])) or b"\0"
    count = rng.choice((10, 1000, 20_000, LARGEST)) // len(piece) + 1
    return data[:begin] + piece * count + data[begin:]


def _splice(rng, data):
    """Two places of the file, exchanged."""
    a, b, c = sorted(rng.randint(0, len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _random_run(rng, data):
    begin = rng.randint(0, len(data))
    run = rng.randbytes(rng.choice((1, 4, 100, 5000)))
    return data[:begin] + run + data[begin + len(run) :]


def _as_json(rng, data):
    """Text that stands nowhere else, in place of everything."""
    return rng.choice(RAW).encode() if rng.random() < 0.3 else _insert(rng, data)


_CHANGES = (
    _flip_bits,
    _flip_near_the_start,
    _truncate,
    _cut_out,
    _insert,
    _insert,
    _repeat,
    _splice,
    _random_run,
    _as_json,
)


def _json_lines(rng, data):
    lines = data.split(b"\n")
    for place in rng.sample(range(len(lines)), min(len(lines), rng.choice((1, 1, 3)))):
        lines[place] = mutate_json(rng, lines[place]) or rng.choice(RAW).encode()
    return b"\n".join(lines)


def _safetensors(rng, data):
    """Another header, with its length in front right or wrong; the JSON in its metadata too."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.get("__metadata__", {})
    inner = [name for name, text in metadata.items() if text.startswith("{")]
    if inner and rng.random() < 0.6:
        name = rng.choice(inner)
        metadata[name] = mutate_json(rng, metadata[name].encode()).decode("utf-8", "replace")
        changed = json.dumps(header).encode()
    else:
        changed = mutate_json(rng, data[8 : 8 + length])
    said = len(changed) if rng.random() < 0.95 else rng.choice((0, 1, 2**31, 2**63, len(changed) - 1))
    return said.to_bytes(8, "little") + changed + data[8 + length :]


def _zip(rng, data):
    """A member damaged, renamed, left out, doubled, or stored in another way."""
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(output, "w") as new, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand twice
        chosen, how = rng.choice(old.namelist()), rng.random()
        for name in old.namelist():
            content, method = old.read(name), zipfile.ZIP_DEFLATED
            if name == chosen:
                if how < 0.05:
                    continue
                method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
                for _ in range(rng.choice((1, 1, 3)) if how < 0.9 else 0):
                    content = rng.choice(_CHANGES)(rng, content)[:LARGEST]
                if how < 0.15:
                    name = rng.choice(("../" + name, name + "\x1b[31m", name.upper(), "x" * 60_000, "/"))
            new.writestr(name, content, method)
    return output.getvalue()


_INSIDE = {
    ".json": mutate_json,
    ".jsonl": _json_lines,
    ".safetensors": _safetensors,
    ".epub": _zip,
}
