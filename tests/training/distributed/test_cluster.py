import json

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.distributed.cluster import Cluster, cluster_from_environment, expand_machines

WORKERS = ["one:2222", "two:2222", "three:2222"]


def _tf_config(cluster=None, **task):
    cluster = {"worker": WORKERS} if cluster is None else cluster
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0, **task}})}


def test_tf_config_names_the_processes():
    assert cluster_from_environment(_tf_config(index=2)) == Cluster(tuple(WORKERS), 2)
    with_chief = {"worker": WORKERS[1:], "chief": WORKERS[:1]}
    assert cluster_from_environment(_tf_config(with_chief, index=1)) == Cluster(tuple(WORKERS), 2)
    assert cluster_from_environment(_tf_config(with_chief, type="chief")) == Cluster(tuple(WORKERS), 0)


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": " "}, _tf_config({"worker": WORKERS[:1]})])
def test_a_process_alone_has_no_cluster(environment):
    assert cluster_from_environment(environment) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "must be JSON; received '{'"),
        ("[" * 100_000, "must be JSON"),
        ("[]", "must"),
        ("{}", "cluster"),
        ('{"task": {"type": "worker", "index": 0}}', "cluster"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "task"),
        (
            _tf_config(index=3)["TF_CONFIG"],
            "task.index below the number of addresses of its type; received 3 with 3",
        ),
        (_tf_config(index=-1)["TF_CONFIG"], r"task\.index must be"),
        (_tf_config(index="0")["TF_CONFIG"], r"task\.index must be"),
        (_tf_config(type="ps")["TF_CONFIG"], "types chief and worker; received 'ps'"),
        (_tf_config(type="chief")["TF_CONFIG"], "received 0 with 0 of type chief"),
        (_tf_config({"worker": WORKERS, "evaluator": ["e:1"]})["TF_CONFIG"], "received 'evaluator'"),
        (_tf_config({"worker": []})["TF_CONFIG"], "names none"),
        (_tf_config({"worker": ["one:2222", "two"]})["TF_CONFIG"], "host:port; received 'two'"),
        (_tf_config({"worker": ["one:2222", "two:66000"]})["TF_CONFIG"], "host:port; received 'two:66000'"),
        (_tf_config({"worker": ["[::1]:2222", "two:1"]})["TF_CONFIG"], r"IPv4 addresses; received '\[::1\]:2222'"),
        (
            _tf_config({"worker": ["two:1", "fe80::1:2222"]})["TF_CONFIG"],
            "received 'fe80::1:2222', which is of IPv6",
        ),
        (_tf_config({"worker": ["two:1", "[one]:2222"]})["TF_CONFIG"], r"host:port; received '\[one\]:2222'"),
        (_tf_config({"worker": ["one:1", "one:1"]})["TF_CONFIG"], "'one:1' is there twice"),
    ],
)
def test_a_tf_config_that_lies_is_a_clear_line(text, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        cluster_from_environment({"TF_CONFIG": text})
    assert "TF_CONFIG" in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 500


def _slurm(**changes):
    usual = {"NTASKS": "5", "STEP_NUM_TASKS": "5", "PROCID": "3", "JOB_ID": "1234567"}
    usual |= {"STEP_NODELIST": "gpu[9-10],big", "STEP_TASKS_PER_NODE": "2(x2),1"}
    return {f"SLURM_{name}": value for name, value in (usual | changes).items() if value is not None}


def test_slurm_names_the_processes_in_the_order_of_their_ranks():
    cluster = cluster_from_environment(_slurm())
    assert cluster.addresses == ("gpu9:15670", "gpu9:15671", "gpu10:15670", "gpu10:15671", "big:15670")
    assert cluster.index == 3
    assert cluster.control_address == ("gpu9", 25670)


def test_a_batch_script_itself_is_no_step_and_trains_alone():
    assert cluster_from_environment(_slurm(STEP_NUM_TASKS=None)) is None
    assert cluster_from_environment(_slurm(STEP_NUM_TASKS="1")) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"PROCID": "5"}, "SLURM_PROCID 5"),
        ({"PROCID": None}, "SLURM_PROCID must be a number; received ''"),
        ({"STEP_NODELIST": None}, "SLURM_STEP_NODELIST must be a list of machines"),
        ({"STEP_NODELIST": "gpu[1-x]"}, "SLURM_STEP_NODELIST must be a list of machines"),
        ({"STEP_TASKS_PER_NODE": "2(y2)"}, "SLURM_STEP_TASKS_PER_NODE must hold numbers"),
        ({"STEP_TASKS_PER_NODE": "2(x3)"}, "agree with each other"),
        ({"STEP_NUM_TASKS": "60", "STEP_TASKS_PER_NODE": "20(x3)"}, "may have 10 tasks"),
    ],
)
def test_slurm_variables_that_lie_are_a_clear_line(changes, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        cluster_from_environment(_slurm(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "machines"),
    [
        ("a", ["a"]),
        ("a1,b2", ["a1", "b2"]),
        ("n[08-11]", ["n08", "n09", "n10", "n11"]),
        ("n[1,3-4]x,m", ["n1x", "n3x", "n4x", "m"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
    ],
)
def test_slurms_short_form_of_machines(text, machines):
    assert expand_machines(text) == machines


def test_the_ports_of_a_cluster_stay_in_range():
    assert Cluster(("a:60000", "b:1"), 0).control_address == ("a", 50000)
