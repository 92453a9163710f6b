"""How the processes of a training meet: all come, none takes a place twice, and all have the same facts."""

from tf_gpt2.errors import UserError, shorten
from tf_gpt2.training.distributed.cluster import Cluster
from tf_gpt2.training.distributed.lines import Line, accept_lines, connect, port_is_free

# A connection to the chief that says nothing for so long is no worker's.
_SECONDS_TO_SAY_HELLO = 10
# So much longer than the chief waits for all a worker waits for the chief's answer.
_SECONDS_TO_ANSWER = 30
_PROBLEM = "problem"


def meet(cluster: Cluster, facts: dict[str, str], wait: float) -> dict[int, Line]:
    """Waits for the others.

    Args:
        cluster: All of them.
        facts: What must be equal everywhere, by its name in a message.
        wait: Seconds.

    Returns:
        Connections by the number of the process: on the chief to all others, on the others to the chief.

    Raises:
        UserError: One does not come or differs, or a port is taken.
    """
    own = cluster.addresses[cluster.index]
    taken = f"the port of {own} must be free for the training, and another program has it; end that or take another"
    facts = {**facts, _PROBLEM: "" if port_is_free(own) else taken}
    return _Gathering(cluster, facts, wait).lines() if cluster.index == 0 else _report(cluster, facts, wait)


class _Gathering:
    """The chief's side."""

    def __init__(self, cluster, facts, wait):
        self._cluster, self._wait = cluster, wait
        self._told = {0: facts}
        self._lines = {}
        self._twice = ""

    def lines(self):
        self._welcome_all()
        verdict = self._problem() or self._twice or self._missing() or difference(self._told, self._cluster)
        answer = {"kind": "failed", "line": verdict} if verdict else {"kind": "welcome"}
        for line in self._lines.values():
            line.send(answer)
        if verdict:
            raise UserError(verdict)
        return self._lines

    def _welcome_all(self):
        try:
            for line in accept_lines(self._cluster.control_address, self._wait):
                self._hear(line)
                if self._twice or len(self._told) == len(self._cluster.addresses):
                    break
        except OSError as error:
            raise UserError(
                f"the chief must listen on port {self._cluster.control_address[1]}: {error.strerror or error}; "
                "free it or choose another address"
            ) from None

    def _hear(self, line):
        message = line.receive(_SECONDS_TO_SAY_HELLO)
        if message is None or message.kind != "hello":
            line.close()
            return
        if message.index in self._told or message.index >= len(self._cluster.addresses):
            self._twice = f"each process must have a task.index of its own; two are worker {message.index}"
            self._lines[-1] = line
            return
        self._told[message.index], self._lines[message.index] = message.facts, line

    def _problem(self):
        return next(filter(None, (self._told[index].get(_PROBLEM) for index in sorted(self._told))), "")

    def _missing(self):
        missing = set(range(len(self._cluster.addresses))) - set(self._told)
        return _absent(self._cluster, min(missing), self._wait) if missing else ""


def _report(cluster, facts, wait):
    """A worker's side."""
    line = connect(cluster.control_address, wait)
    if line is None:
        raise UserError(facts[_PROBLEM] or _absent(cluster, 0, wait))
    line.send({"kind": "hello", "index": cluster.index, "facts": facts})
    answer = line.receive(wait + _SECONDS_TO_ANSWER)
    if answer is None or answer.kind not in ("welcome", "failed"):
        raise UserError(facts[_PROBLEM] or _absent(cluster, 0, wait))
    if answer.kind == "failed":
        raise UserError(answer.line)
    return {0: line}


def _absent(cluster, index, wait):
    return (
        f"{cluster.name(index)} did not come within {wait:g} s; start the same command on each machine, or give "
        "more `wait_for_workers`"
    )


def difference(told: dict[int, dict[str, str]], cluster: Cluster) -> str:
    """The first fact that a process has otherwise than the chief, as a line; empty where all agree.

    Args:
        told: The facts of each process by its number, the chief's at 0.
        cluster: The processes.
    """
    for index in sorted(told):
        for name, value in told[0].items():
            other = told[index].get(name, "nothing")
            if other != value:
                return (
                    f"{name} must be the same on every worker; {cluster.name(index)} has {shorten(other, 120)}, "
                    f"{cluster.name(0)} {shorten(value, 120)}"
                )
    return ""
