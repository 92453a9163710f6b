"""How a process joins the others of its training: who they are, and on which devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf_gpt2 import runtime
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.errors import UserError
from tf_gpt2.training.distributed.cluster import cluster_from_environment
from tf_gpt2.training.distributed.facts import facts
from tf_gpt2.training.distributed.team import ConnectedTeam, Team
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.settings import Recipe

if TYPE_CHECKING:
    from tf_gpt2.training.devices import Devices


def join_team(wait: float) -> Team:
    """The processes that the environment names; this one alone where it names none.

    Args:
        wait: Seconds to wait for the others when they meet.

    Raises:
        UserError: The environment contradicts itself.
    """
    cluster = cluster_from_environment()
    return Team() if cluster is None else ConnectedTeam(cluster, wait)


def open_devices(
    asked: TrainingOptions, prepared: PreparedCorpus, team: Team, memory_to: str | None = None
) -> Devices:
    """Imports TensorFlow, meets the other processes, and takes the devices of all; `memory_to` as for the runtime.

    Raises:
        UserError: The devices are not there, or a process does not come or is not like this one.
    """
    opened: list[Devices] = []

    def take_devices() -> None:
        from tf_gpt2.training.devices import plan_devices

        plan = plan_devices(asked.precision, asked.devices, team.cluster)
        if team.cluster is not None:
            team.meet(facts(asked, prepared, plan))
        opened.append(plan.open(team.cluster))
        if team.cluster is not None:
            team.on_failure(abort_collectives)

    runtime.prepare_training(memory_to, first=take_devices)
    return opened[0]


def check_batch(recipe: Recipe, devices: int) -> None:
    """Sees that the devices divide the batch.

    Raises:
        UserError: They do not.
    """
    parts = recipe.accumulation_steps * devices
    if recipe.batch_size % parts:
        of = f"{devices} devices" + (
            f" in {recipe.accumulation_steps} parts" if recipe.accumulation_steps > 1 else ""
        )
        nearest = -(-recipe.batch_size // parts) * parts
        raise UserError(
            f"`batch_size` must be divisible among {of}, which make one batch together; received "
            f"{recipe.batch_size}; take {nearest}"
        )


def abort_collectives(line: str) -> None:
    """Ends the collective operations that this process waits in."""
    from tensorflow.python.eager import context  # the only way: tf.distribute's own health check goes it too

    with contextlib.suppress(Exception):
        context.context().abort_collective_ops(14, line)  # 14 is UNAVAILABLE


@contextlib.contextmanager
def explained(team: Team) -> Iterator[None]:
    """What TensorFlow says when a process of the team died becomes the reason why.

    Raises:
        UserError: Another process brought the end about.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        reason = team.explain(error)
        if reason is error:
            raise
        raise reason from None
