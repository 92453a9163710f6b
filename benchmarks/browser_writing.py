"""Contenders of benchmarks.browser write in turns: our page, the same page on stock operations, transformers.js.

A machine's speed drifts over minutes, so in every round the contenders follow each other directly, and a ratio is
the median over the rounds of figures of the same round. So is the distance from the floor under a token, which is
reading its int8 weights and nothing else.
"""

import collections
import statistics
import sys
import time

from benchmarks.browser_driver import write

# Tokens of the prompt, new tokens: the first one waits for the prompt and is counted apart.
CASES = ((64, 200), (512, 1), (850, 60))
MEBIBYTE = 1 << 20


class OurPage:
    """Our page with a model of random weights.

    Args:
        browser: A browser whose host serves the site.
        backend: Forced with `?backend=`; empty for the page's own choice.
    """

    def __init__(self, browser, backend):
        self.browser = browser
        self.page = browser.open(f"?backend={backend}" if backend else "")
        self.page.wait_for_selector("#facts div")
        start = time.perf_counter()
        self.page.click("#load")
        self.wait_ready()
        self.load_seconds = time.perf_counter() - start

    def wait_ready(self):
        """Waits until the page can write."""
        self.page.wait_for_selector("body[data-phase=ready], body[data-phase=failed]")
        if self.page.get_attribute("body", "data-phase") == "failed":
            raise RuntimeError(f"the page cannot write: {self.page.inner_text('#notices')}")

    def write(self, prompt_tokens, new_tokens):
        """Milliseconds of each new token."""
        self.page.bring_to_front()
        prompt = "".join(chr(0x4E00 + 7 * i % 5000) for i in range(prompt_tokens))
        return write(self.page, prompt, new_tokens)[0]

    def facts(self):
        """What the page says of itself, and how long its main thread was busy at a stretch; 0: under 50 ms."""
        ready = self.page.evaluate("ready")
        ready_at, tasks = self.page.evaluate("[readyAt, longTasks]")
        loading = [milliseconds for start, milliseconds in tasks if start < ready_at]
        writing = [milliseconds for start, milliseconds in tasks if start >= ready_at]
        memory = self.page.evaluate("runs.at(-1).memory")
        return {
            "backend": ready["backend"],
            "threads": ready["threads"],
            "self_check_error": ready["maxError"],
            "longest_main_task_loading_ms": max(loading, default=0),
            "longest_main_task_writing_ms": max(writing, default=0),
            "tensors": memory["numTensors"],
            "tensor_bytes": memory["numBytes"],
        }


class SecondVisit(OurPage):
    """Our page as its service worker gives it from the second visit on: isolated, so that threads can share memory.

    Args:
        browser: A browser whose host serves the site.
        threads: Forced with `?threads=`.
    """

    def __init__(self, browser, threads):
        super().__init__(browser, "")
        while not self.page.evaluate("navigator.serviceWorker.controller !== null"):
            self.page.wait_for_timeout(50)
        start = time.perf_counter()
        self.page.goto(f"{self.page.url}?threads={threads}")
        self.wait_ready()
        self.load_seconds = time.perf_counter() - start


class TransformersJs:
    """transformers.js with a model of the same shape.

    Args:
        browser: A browser whose host serves the folder of `browser_peer.prepare_peer`.
        dtype: "fp32" or "q8".
    """

    def __init__(self, browser, dtype):
        self.browser = browser
        self.page = browser.open()
        while not self.page.evaluate("'peer' in window"):
            self.page.wait_for_timeout(50)
        start = time.perf_counter()
        self.page.evaluate("dtype => peer.load(dtype)", dtype)
        self.load_seconds = time.perf_counter() - start

    def write(self, prompt_tokens, new_tokens):
        """Milliseconds of each new token."""
        self.page.bring_to_front()
        return self.page.evaluate("([prompt, tokens]) => peer.write(prompt, tokens)", [prompt_tokens, new_tokens])

    def facts(self):
        """What the peer says of itself."""
        return {"version": self.page.evaluate("peer.version")}


def measure_in_turns(contenders: dict, reader, rounds: int) -> dict:
    """Figures of all contenders, how many times faster `ours` is than each other one, and how near the floor.

    Args:
        contenders: Open contenders by name; one is named "ours".
        reader: A `MemoryReader` of the int8 weights' bytes; its turn comes after that of "ours".
        rounds: How often each writes every case.
    """
    # By name, kind of work and tokens of the prompt: tokens per second, a figure a round.
    speeds = collections.defaultdict(list)
    floors = collections.defaultdict(list)  # milliseconds, by tokens of the prompt
    for number in range(rounds):
        for prompt_tokens, new_tokens in CASES:
            for name, contender in contenders.items():
                first, *rest = contender.write(prompt_tokens, new_tokens)
                speeds[name, "prefill", prompt_tokens].append(1000 * prompt_tokens / first)
                if rest:
                    speeds[name, "decode", prompt_tokens].append(1000 * len(rest) / sum(rest))
                if rest and name == "ours":
                    floors[prompt_tokens].append(reader.milliseconds())
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    figures = {"rounds": rounds}
    for name, contender in contenders.items():
        figures |= {f"{name}_{key}": value for key, value in (contender.facts() | _size(contender)).items()}
    for (name, work, position), rates in speeds.items():
        figures[f"{name}_{work}_{position}_tokens_per_s"] = statistics.median(rates)
        if name != "ours":
            pairs = zip(speeds["ours", work, position], rates, strict=True)
            figures[f"{work}_{position}_ratio_to_{name}"] = statistics.median(
                ours / theirs for ours, theirs in pairs
            )
    for position, milliseconds in floors.items():
        pairs = zip(speeds["ours", "decode", position], milliseconds, strict=True)
        figures[f"decode_{position}_times_floor"] = statistics.median(
            1000 / (rate * floor) for rate, floor in pairs
        )
    # Keys and values of earlier tokens come on top of it.
    figures["floor_ms_per_token"] = statistics.median(floor for group in floors.values() for floor in group)
    figures |= {"int8_bytes": reader.size, "memory_gb_per_s": reader.size / figures["floor_ms_per_token"] / 1e6}
    return {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in figures.items()}


def _size(contender):
    whole, private = contender.browser.peak_renderer_bytes() or (None, None)
    return {
        "load_s": contender.load_seconds,
        "peak_memory_mib": whole and whole / MEBIBYTE,
        "peak_private_memory_mib": private and private / MEBIBYTE,
        "download_mb": contender.browser.download_bytes() / 1e6,
    }
