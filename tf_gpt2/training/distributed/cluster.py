"""Which processes train together, as the environment says: TF_CONFIG, or SLURM's variables under `srun`."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping

from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import shown, validated

_GUIDE = "docs/cluster.md has one to copy"
_TASK_TYPES = ("chief", "worker")
# TensorFlow's traffic goes over the port of an address, that of team.py over one as far above or below.
CONTROL_DISTANCE = 10_000
# SLURM names no ports: a job has ten on each machine, below those that systems give to outgoing connections.
_SLURM_PORTS, _SLURM_PORTS_A_JOB, _SLURM_JOBS = 10_000, 10, 1000


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together.

    Attributes:
        addresses: `host:port` of each; the first is the chief, which writes.
        index: Which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def control_address(self) -> tuple[str, int]:
        """Host and port where the chief is asked what is not TensorFlow's business."""
        host, port = split_address(self.addresses[0])
        return host, port + CONTROL_DISTANCE if port + CONTROL_DISTANCE < 1 << 16 else port - CONTROL_DISTANCE

    def name(self, index: int) -> str:
        """A process, for a message."""
        return f"worker {index} ({self.addresses[index]})"


def cluster_from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The processes that this one trains with; None where it is alone.

    Raises:
        UserError: The variables contradict themselves.
    """
    if environment.get("TF_CONFIG", "").strip():
        return _alone_is_none(_from_tf_config(environment["TF_CONFIG"]))
    if environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        return _alone_is_none(_from_slurm(environment))
    return None


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def _alone_is_none(cluster):
    return cluster if len(cluster.addresses) > 1 else None


def _from_tf_config(text: str) -> Cluster:
    from tf_gpt2.schemas import TFConfig

    name = "the environment variable TF_CONFIG"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{name} must be JSON; received {shown(text)}; {_GUIDE}") from None
    config = validated(TFConfig, value, name, _GUIDE)
    unknown = sorted({config.task.type, *config.cluster} - set(_TASK_TYPES))
    if unknown:
        raise UserError(
            f"{name} must name tasks of the types chief and worker; received {shown(unknown[0])}; {_GUIDE}"
        )
    addresses = [address for kind in _TASK_TYPES for address in config.cluster.get(kind, ())]
    _check_addresses(name, addresses)
    own = config.cluster.get(config.task.type, [])
    if config.task.index >= len(own):
        raise UserError(
            f"{name} must give a task.index below the number of addresses of its type; received "
            f"{config.task.index} with {len(own)} of type {config.task.type}; {_GUIDE}"
        )
    return Cluster(tuple(addresses), addresses.index(own[config.task.index]))


def _check_addresses(name, addresses):
    for address in addresses:
        if re.fullmatch(r"\[?[\da-f.]*:[\da-f:.]*(%\w+)?\]?:\d+", address, re.ASCII | re.IGNORECASE):
            raise UserError(
                f"{name} must name hosts by their names or IPv4 addresses; received {shown(address)}, which is "
                f"of IPv6; {_GUIDE}"
            )
        match = re.fullmatch(r"[\w.-]+:(\d{1,5})", address, re.ASCII)
        if not match or not 0 < int(match[1]) < 1 << 16:
            raise UserError(f"{name} must name each worker as host:port; received {shown(address)}; {_GUIDE}")
    if not addresses:
        raise UserError(f"{name} must name the addresses of workers in its cluster; it names none; {_GUIDE}")
    twice = next((address for address in addresses if addresses.count(address) > 1), None)
    if twice:
        raise UserError(f"{name} must name each address once; {shown(twice)} is there twice; {_GUIDE}")


# TensorFlow's SlurmClusterResolver sorts the machines by name, which is not the order of the ranks (node10 before
# node9), and fails on machines without GPUs.
def _from_slurm(environment: Mapping[str, str]) -> Cluster:
    tasks = _number(environment, "SLURM_STEP_NUM_TASKS")
    rank, job = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_JOB_ID")
    machines = expand_machines(environment.get("SLURM_STEP_NODELIST", ""))
    counts = _tasks_of_machines(environment.get("SLURM_STEP_TASKS_PER_NODE", ""))
    if len(machines) != len(counts) or sum(counts) != tasks or not rank < tasks:
        raise UserError(
            "SLURM's variables must agree with each other: SLURM_STEP_NUM_TASKS is "
            f"{tasks}, SLURM_PROCID {rank}, SLURM_STEP_NODELIST names {len(machines)} machines and "
            f"SLURM_STEP_TASKS_PER_NODE {sum(counts)} tasks on {len(counts)}; start the tasks with srun"
        )
    if max(counts) > _SLURM_PORTS_A_JOB:
        raise UserError(f"a machine may have {_SLURM_PORTS_A_JOB} tasks; SLURM gives one {max(counts)}; take fewer")
    first = _SLURM_PORTS + job % _SLURM_JOBS * _SLURM_PORTS_A_JOB
    pairs = zip(machines, counts, strict=True)
    return Cluster(tuple(f"{host}:{first + task}" for host, count in pairs for task in range(count)), rank)


def _number(environment, name):
    value = environment.get(name, "")
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise UserError(f"SLURM's variable {name} must be a number; received {shown(value)}; start with srun")
    return int(value)


def _tasks_of_machines(text: str) -> list[int]:
    """2(x3),1 to [2, 2, 2, 1]."""
    counts: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,5})(?:\(x(\d{1,5})\))?", part, re.ASCII)
        if not match:
            raise UserError(
                "SLURM's variable SLURM_STEP_TASKS_PER_NODE must hold numbers, as 2(x3),1; received "
                f"{shown(text)}; start with srun"
            )
        counts += [int(match[1])] * int(match[2] or 1)
    return counts


def expand_machines(text: str) -> list[str]:
    """Machines of SLURM's short form: gpu[01-03,7],login to gpu01, gpu02, gpu03, gpu7, login.

    Raises:
        UserError: It is no such form.
    """
    names: list[str] = []
    for part in re.findall(r"(?:[^,\[\]]|\[[^\[\]]*\])+", text):
        names += _expanded(part)
    if not names or not all(re.fullmatch(r"[\w.-]+", name, re.ASCII) for name in names):
        raise UserError(
            "SLURM's variable SLURM_STEP_NODELIST must be a list of machines, as gpu[01-03]; received "
            f"{shown(text)}; start with srun"
        )
    return names


def _expanded(part):
    before, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inside, _, after = rest.partition("]")
    tails, names = _expanded(after), []
    for piece in inside.split(","):
        first, _, last = piece.partition("-")
        last = last or first
        if not (first.isdigit() and last.isdigit() and int(last) - int(first) < 1 << 16):
            return [part]  # which is no name
        numbers = (str(number).zfill(len(first)) for number in range(int(first), int(last) + 1))
        names += [before + number + tail for number in numbers for tail in tails]
    return names
