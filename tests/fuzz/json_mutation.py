"""Damage that knows JSON: other types and sizes, fields gone, doubled or renamed, text that no dump gives."""

import json

DEEP = 20_000
LONG = 100_000
# Text that stands in JSON as it is; what a serialiser would never write.
RAW = (
    "null", "true", "NaN", "Infinity", "-Infinity", "-1", "0", "1", "0.5", "-0.0", "1e400", "1e-400", "2147483648",
    "4294967296", "9223372036854775808", "1000000000", "1" + "0" * 30, "9" * 4000, "9" * 10_000, "1" * 200_000,
    '""', '"x"', '"' + "x" * LONG + '"', '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\\u001b]0;owned\\u0007"',
    '"\\u009b31m"', '"\\u202e\\u2066"', '"\\u2028"', '"</script><img src=x>"', '"../../etc/passwd"', '"[^"', '"("',
    "[]", "{}", "[[]]", "[null]", "[1,2]", '{"a": 1}', "[" * DEEP + "]" * DEEP, "[" * DEEP, '{"a":' * DEEP,
    '{"content": "<|endoftext|>"}', "[" + "0," * 20_000 + "0]", "'", "", "\ufeff", "// x\n1",
)  # fmt: skip
_NUMBERS = (-1, 1, 2, -(2**31), 2**31, 2**63, 10**9, 10**30)


class _Raw:
    def __init__(self, text):
        self.text = text


def mutate_json(rng, data):
    """A JSON document with one to three places changed; None when it is none."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _changed(rng, value)
    return _text(value).encode("utf-8", "surrogatepass")


def _changed(rng, value):
    holders = list(_holders(value))
    if not holders or rng.random() < 0.03:
        return _Raw(rng.choice(RAW))
    # Any depth alike: a vocabulary of thousands of entries would take all the damage otherwise.
    depth = rng.choice(sorted({depth for depth, _ in holders}))
    holder = rng.choice([holder for level, holder in holders if level == depth])
    key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    rng.choice((_replace, _replace, _replace, _nudge, _remove, _rename, _double, _swap))(rng, holder, key)
    return value


def _holders(value, depth=0):
    """Every list and object that holds something, with its depth."""
    if isinstance(value, (dict, list)) and value:
        yield depth, value
        for inner in list(value.values() if isinstance(value, dict) else value):
            yield from _holders(inner, depth + 1)


def _replace(rng, holder, key):
    holder[key] = _Raw(rng.choice(RAW))


def _nudge(rng, holder, key):
    old = holder[key]
    if isinstance(old, bool):
        holder[key] = not old
    elif isinstance(old, (int, float)):
        holder[key] = old + rng.choice(_NUMBERS)
    elif isinstance(old, str):
        place = rng.randint(0, len(old))
        piece = rng.choice(("", "\x1b[31m", "\ud800", "\u202e", " ", "\n", "é"))
        holder[key] = old[:place] + piece + old[place + 1 :]
    else:
        holder[key] = {"a": old} if isinstance(old, list) else [old]


def _remove(rng, holder, key):
    del holder[key]


def _rename(rng, holder, key):
    if isinstance(holder, dict) and isinstance(key, str):
        name = rng.choice(("", "\x1b[31m", "x" * LONG, key + " ", key.upper(), "\ud800", "__class__"))
        holder[name] = holder.pop(key)


def _double(rng, holder, key):
    if isinstance(holder, dict):
        holder[_Raw(_text(key))] = _Raw(rng.choice(RAW))  # the same name twice
    else:
        holder.extend([holder[key]] * rng.choice((1, 2, 1000)))


def _swap(rng, holder, key):
    other = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    holder[key], holder[other] = holder[other], holder[key]


def _text(value):
    if isinstance(value, _Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(name)}: {_text(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return json.dumps(value)
