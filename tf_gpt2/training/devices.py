"""Where a run computes and in which precision; the one place that knows TensorFlow's devices."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context  # no public way to these settings

from tf_gpt2.errors import UserError
from tf_gpt2.training.distributed.cluster import Cluster
from tf_gpt2.training.distributed.replicas import Replicas
from tf_gpt2.training.settings import AUTO, PRECISIONS

# Compute capabilities whose tensor cores multiply the format: Ampere bfloat16, Volta float16.
_CAPABILITY = {"bfloat16": (8, 0), "float16": (7, 0)}
# Alone TensorFlow gives a process up after 10 s of silence; distributed/team.py waits longer and says for whom.
_HEARTBEAT_MILLISECONDS = 600_000


@dataclasses.dataclass(frozen=True)
class Gpu:
    """A GPU as far as the choice of a precision goes: its name and its compute capability."""

    name: str
    capability: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Devices:
    """What a run computes on.

    Attributes:
        strategy: Places variables and steps; the default one is one device.
        precision: What layers multiply in: "float32", "bfloat16" or "float16". Weights, softmaxes, norms, the
            loss and the optimizer are float32 in any case.
        description: For the person at the terminal.
        replicas: The devices of a strategy with more than one; None for a single device.
    """

    strategy: tf.distribute.Strategy
    precision: str
    description: str
    replicas: Replicas | None = None

    @property
    def count(self) -> int:
        """Devices of all processes."""
        return self.replicas.count if self.replicas else 1

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Inside it models and optimizers are built for these devices."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.precision if self.precision == "float32" else f"mixed_{self.precision}")
        try:
            with self.strategy.scope():
                yield
        finally:
            keras.config.set_dtype_policy(before)


def local_devices(precision: str = AUTO) -> Devices:
    """One device, a GPU when there is one.

    Raises:
        UserError: The device cannot compute in the precision asked for.
    """
    chosen = choose_precision(precision, _gpus())
    return Devices(tf.distribute.get_strategy(), chosen, describe_device())


@dataclasses.dataclass(frozen=True)
class DevicePlan:
    """What this process will compute on, before TensorFlow has touched it.

    Attributes:
        gpus: The GPUs it takes.
        number: How many devices it takes: these GPUs, or parts of the CPU.
        precision: As in `Devices`.
    """

    gpus: tuple[Gpu, ...]
    number: int
    precision: str

    @property
    def description(self) -> str:
        """For the person at the terminal."""
        if self.gpus:
            return ", ".join(gpu.name for gpu in self.gpus)
        return "CPU" if self.number == 1 else f"CPU as {self.number} devices"

    def open(self, cluster: Cluster | None = None) -> Devices:
        """Takes the devices, together with those of the other processes of a cluster, which must do so too.

        Raises:
            UserError: TensorFlow has computed in this process before, and its devices are fixed.
        """
        try:
            if self.gpus:
                tf.config.set_visible_devices(tf.config.list_physical_devices("GPU")[: self.number], "GPU")
            elif self.number > 1:
                parts = [tf.config.LogicalDeviceConfiguration()] * self.number
                cpu = tf.config.list_physical_devices("CPU")[0]
                tf.config.set_logical_device_configuration(cpu, parts)
            if cluster is not None:
                return self._open_with_others(cluster)
        except (RuntimeError, ValueError) as error:
            raise UserError(
                "several devices must be chosen before TensorFlow computes in a process, and it has "
                f"({' '.join(str(error).split())}); start another process"
            ) from None
        if self.number == 1:
            return Devices(tf.distribute.get_strategy(), self.precision, self.description)
        names = [f"{'GPU' if self.gpus else 'CPU'}:{number}" for number in range(self.number)]
        strategy = tf.distribute.MirroredStrategy(names)
        return Devices(strategy, self.precision, self.description, Replicas(strategy))

    def _open_with_others(self, cluster):
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
            task_type="worker",
            task_id=cluster.index,
            num_accelerators={"GPU": len(self.gpus)},
            rpc_layer="grpc",
        )
        workers = len(cluster.addresses)
        context.context().configure_coordination_service(
            service_type="standalone",
            service_leader="/job:worker/replica:0/task:0",
            heartbeat_timeout_in_ms=_HEARTBEAT_MILLISECONDS,
            coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=workers)],
        )
        strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        description = f"{workers} × {self.description}"
        return Devices(strategy, self.precision, description, Replicas(strategy, workers, cluster.index))


def plan_devices(precision: str, number: int | None, cluster: Cluster | None = None) -> DevicePlan:
    """What to compute on: all GPUs or the first `number`; without GPUs the CPU, or so many parts of it.

    Raises:
        UserError: There are not so many, or they cannot compute in the precision asked for.
    """
    gpus = tuple(_gpus())
    if gpus and number is not None and number > len(gpus):
        raise UserError(f"`devices` must be at most {len(gpus)}, the GPUs of this machine; received {number}")
    if not gpus and cluster is not None and number not in (None, 1):
        raise UserError(f"`devices` must be 1 on each of several workers without GPUs; received {number}")
    gpus = gpus[:number]
    return DevicePlan(gpus, len(gpus) or number or 1, choose_precision(precision, gpus))


def choose_precision(asked: str, gpus: Sequence[Gpu]) -> str:
    """The precision for these GPUs, or for the CPU where there are none.

    Asked for nothing: on GPUs bfloat16, or float16 where they are older, as far as all have it. On a CPU float32:
    bfloat16 was slower wherever it was measured (docs/notes/precision.md).

    Raises:
        UserError: The device cannot compute in the precision asked for.
    """
    weakest = min(gpus, key=lambda gpu: gpu.capability, default=None)
    if asked not in (AUTO, *PRECISIONS):
        raise UserError(f"`precision` must be one of {', '.join((AUTO, *PRECISIONS))}; received {asked!r}")
    if asked == AUTO:
        fit = (name for name, least in _CAPABILITY.items() if weakest and weakest.capability >= least)
        return next(fit, "float32")
    if weakest is None and asked == "float16":
        raise UserError("`precision`=float16 needs a GPU, and there is none; take float32 or leave it out")
    if weakest is not None and weakest.capability < _CAPABILITY.get(asked, (0, 0)):
        least, has = (".".join(map(str, pair)) for pair in (_CAPABILITY[asked], weakest.capability))
        raise UserError(
            f"`precision`={asked} needs a GPU of compute capability {least} or more; {weakest.name} has {has}; "
            "take float32 or leave it out"
        )
    return asked


def describe_device() -> str:
    """The device that TensorFlow computes on."""
    return ", ".join(gpu.name for gpu in _gpus()) or "CPU"


def _gpus():
    found = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        found.append(Gpu(details.get("device_name", "GPU"), tuple(details.get("compute_capability", (0, 0)))))
    return found
