"""What two processes on two cores lose against one process with two threads, the batch being the same.

    python -m benchmarks.train_processes [--rounds 5] [--cases demo,jinyong]

Each of the processes is kept to one core, the single one to as many cores; they sum their gradients over loopback
as machines do over a network. The contenders take turns and the ratios are medians over the rounds. The last line
of stdout is one JSON object.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import socket
import sys

from benchmarks.workers import Worker, median, median_ratio

# name: preset, optimizer, batch size, tokens a sequence, dropout, steps a round, vocabulary.
CASES = {
    "demo": ("demo", "adamw", 32, 64, 0.0, 20, 3_318),
    "demo_muon": ("demo", "muon", 32, 64, 0.0, 20, 3_318),
    "jinyong": ("jinyong", "adamw", 8, 256, 0.1, 2, 13_317),
}


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="demo,jinyong", help=f"of {','.join(CASES)}")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(argv)
    figures = {"benchmark": "train_processes", "processes": options.processes, "rounds": options.rounds}
    for name in options.cases.split(","):
        figures |= {f"{name}_{key}": round(value, 3) for key, value in _run(name, options).items()}
    print(json.dumps(figures))


def _run(name, options):
    print(f"case {name}", file=sys.stderr)
    names = ("preset", "optimizer", "batch_size", "length", "dropout", "steps", "vocabulary_size")
    case = [part for key, value in zip(names, CASES[name], strict=True) for part in (f"--{key}", value)]
    cores = sorted(os.sched_getaffinity(0))[: options.processes]
    with concurrent.futures.ThreadPoolExecutor(options.processes) as pool:
        one = _start(case, cores, [], 0)
        ports = _free_ports(len(cores))
        together = list(pool.map(lambda index: _start(case, [cores[index]], ports, index), range(len(cores))))
        single, several = [], []
        for number in range(options.rounds):
            single.append(one.ask())
            several.append(list(pool.map(Worker.ask, together))[0])
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        list(pool.map(Worker.close, [one, *together]))
    return {
        "tokens_per_s": median(single, "tokens_per_s"),
        "processes_tokens_per_s": median(several, "tokens_per_s"),
        "ratio": median_ratio(several, single, "tokens_per_s"),
        "difference_of_losses": max(abs(a["loss"] - b["loss"]) for a, b in zip(single, several, strict=True)),
    }


def _start(case, cores, ports, index):
    lists = [("cores", cores), ("ports", ports)]
    places = [part for name, values in lists for part in (f"--{name}", ",".join(map(str, values)))]
    return Worker(sys.executable, "benchmarks.train_processes_worker", *case, *places, "--index", index)


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


if __name__ == "__main__":
    main()
