"""Contenders as processes that wait for their turn, so that they can be timed in alternation.

A machine's speed drifts over minutes; runs one after the other would compare the machine with itself. A worker sets
up and warms up, prints one JSON line, and then answers each line on its standard input (a command) with one JSON
line of figures. While one runs, the others block on their input and cost nothing.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).parent.parent
PEER_ENVIRONMENT = ROOT / ".venv-peers"
PEER_REQUIREMENTS = pathlib.Path(__file__).parent / "requirements-peers.txt"


def peer_python(given: str | None) -> str:
    """Interpreter with the peers installed: the one named, or that of `.venv-peers`, which is made when missing."""
    if given:
        return given
    python = PEER_ENVIRONMENT / "bin" / "python"
    done = PEER_ENVIRONMENT / "installed"
    if not done.exists():
        print("setting up .venv-peers (once)", file=sys.stderr)
        venv.create(PEER_ENVIRONMENT, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--requirement", PEER_REQUIREMENTS]
        subprocess.run(install, check=True)
        done.touch()
    return str(python)


class Worker:
    """A contender in a process of its own.

    Args:
        python: Interpreter.
        module: Module to run, `benchmarks.peers.hf_train` say.
        arguments: Its command line.
        folder: The checkout whose module it is.
    """

    def __init__(self, python: str, module: str, *arguments, folder: pathlib.Path = ROOT):
        command = [python, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.ready = self._answer()

    def ask(self, question: str = "go") -> dict:
        """Has the worker do its work once; returns its figures."""
        print(question, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _answer(self):
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self._process.args} ended:\n{self._process.stderr.read()[-3000:]}")


def run_command(command: list[str], folder: pathlib.Path = ROOT) -> str:
    """Standard output of a command that is run once; its messages go where ours go.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {done.returncode}")
    return done.stdout


def serve(ready: dict, answer) -> None:
    """The worker's side: says that it is ready, then answers every line of standard input with `answer(line)`."""
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)


def alternate(workers: dict[str, Worker], rounds: int) -> dict[str, list[dict]]:
    """Asks every worker once a round, in turn; returns the answers of each by name."""
    answers = {name: [] for name in workers}
    for number in range(rounds):
        for name, worker in workers.items():
            answers[name].append(worker.ask())
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return answers


def median(answers: list[dict], key: str) -> float:
    """Median of a figure over the rounds."""
    return statistics.median(answer[key] for answer in answers)


def median_ratio(ours: list[dict], theirs: list[dict], key: str) -> float:
    """Median over the rounds of ours divided by theirs of the same round."""
    return statistics.median(a[key] / b[key] for a, b in zip(ours, theirs, strict=True))
