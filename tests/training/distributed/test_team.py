"""The processes of a team, here threads of one process: what they tell each other, how all end when one does."""

import contextlib
import logging
import socket
import threading
import time

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.distributed import team as team_module
from tf_gpt2.training.distributed.cluster import Cluster
from tf_gpt2.training.distributed.lines import connect
from tf_gpt2.training.distributed.team import ConnectedTeam, Team

FACTS = {"`steps`": "10", "`corpus`": "4 texts"}


class AbortedError(Exception):
    """By its name one of TensorFlow's."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Short waits, no process ended, and the log of the others' processes as it is."""
    monkeypatch.setattr(team_module, "_SECONDS_BETWEEN_BEATS", 0.05)
    monkeypatch.setattr(team_module, "end_soon_at_exit", lambda: None)
    monkeypatch.setattr("tf_gpt2.training.distributed.watchdog._SECONDS_TO_END", 600)
    level = logging.getLogger("tf_gpt2").level
    yield
    logging.getLogger("tf_gpt2").setLevel(level)


def _addresses(count):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return tuple(f"127.0.0.1:{server.getsockname()[1]}" for server in servers)


def _together(works, addresses=None, wait=20.0, facts=None):
    """Runs each of `works` with the team of its process; returns what each returned or raised."""
    addresses = addresses or _addresses(len(works))
    results = [None] * len(works)

    def process(index):
        try:
            with ConnectedTeam(Cluster(addresses, index), wait) as team:
                team.meet((facts or {}).get(index, FACTS))
                results[index] = works[index](team)
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=process, args=(i,)) for i in range(len(works)) if works[i]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _die(team):
    """As a process that is killed: it says nothing more, and its connections end."""
    team._tell = team._fail = lambda what: None
    for line in team._lines.values():
        line.close()


def _wait_for_the_end(team):
    """As a process that waits in a collective operation which another thread has to end."""
    ended = threading.Event()
    team.on_failure(lambda line: ended.set())
    assert ended.wait(30)
    raise team.explain(AbortedError())


def test_what_the_chief_decides_holds_everywhere():
    def work(team):
        assert team.is_chief == (team.cluster.index == 0)
        return [team.from_chief(lambda: {"steps": 7, "best": float("inf")}), team.from_chief(lambda: None)]

    assert _together([work] * 3) == [[{"steps": 7, "best": float("inf")}, None]] * 3


def test_the_others_work_when_the_chief_asks():
    worked = []

    def work(team):
        def decide():
            team.ask()
            team.ask()
            return 1

        return team.from_chief(decide, lambda: worked.append(team.cluster.index))

    assert _together([work, work]) == [1, 1]
    assert worked == [1, 1]


def test_a_mistake_that_the_chief_finds_is_the_same_line_everywhere():
    def refuse():
        raise UserError("`run_dir` is in use")

    errors = _together([lambda team: team.from_chief(refuse)] * 3)
    assert [str(error) for error in errors] == ["`run_dir` is in use"] * 3
    assert all(isinstance(error, UserError) for error in errors)


def test_facts_that_differ_are_told_everywhere():
    errors = _together([lambda team: None] * 3, facts={2: {**FACTS, "`corpus`": "5 texts"}})
    assert len({str(error) for error in errors}) == 1
    assert "`corpus` must be the same on every worker; worker 2 (127.0.0.1:" in str(errors[0])
    assert "has 5 texts, worker 0 " in str(errors[0]) and str(errors[0]).endswith("4 texts")


def test_a_worker_that_never_comes_is_told_to_those_who_came():
    errors = _together([lambda team: None, None, lambda team: None], wait=1.5)
    assert "worker 1 (127.0.0.1:" in str(errors[0]) and "did not come within 1.5 s" in str(errors[0])
    assert str(errors[2]) == str(errors[0])


def test_a_chief_that_never_comes_is_a_clear_line():
    errors = _together([None, lambda team: None], wait=0.5)
    assert isinstance(errors[1], UserError) and "worker 0 (127.0.0.1:" in str(errors[1])


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_in_use_is_told_everywhere(index):
    addresses = _addresses(2)
    host, _, port = addresses[index].rpartition(":")
    with socket.create_server(("", int(port))):
        errors = _together([lambda team: None] * 2, addresses)
    assert len({str(error) for error in errors}) == 1
    assert f"the port of {addresses[index]} must be free" in str(errors[0])


def test_two_with_one_number_are_told():
    addresses, answers = _addresses(3), []

    def come():
        line = connect(Cluster(addresses, 0).control_address, 20)
        line.send({"kind": "hello", "index": 1, "facts": FACTS})
        answers.append(line.receive(20).line)

    threads = [threading.Thread(target=come) for _ in range(2)]
    for thread in threads:
        thread.start()
    (error, *_) = _together([lambda team: None, None, None], addresses)
    for thread in threads:
        thread.join()
    assert "each process must have a task.index of its own; two are worker 1" in str(error)
    assert answers == [str(error)] * 2


def test_strangers_at_the_port_are_not_heeded():
    addresses = _addresses(2)

    def knock():
        for text in (b"GET / HTTP/1.1\r\n\r\n", b"\n", b'{"kind": "welcome"}\n'):
            with contextlib.suppress(OSError):
                connection = socket.create_connection(Cluster(addresses, 0).control_address, timeout=5)
                connection.sendall(text)
                connection.close()

    def come_later(team):
        return team.from_chief(lambda: 3)

    stranger = threading.Thread(target=lambda: (time.sleep(0.2), knock()))
    stranger.start()
    assert _together([come_later, come_later], addresses) == [3, 3]
    stranger.join()


def test_a_process_that_dies_ends_all_with_one_line_each():
    def die(team):
        while team._saved_step != 120:
            time.sleep(0.01)
        _die(team)
        raise SystemError

    def work(team):
        if team.is_chief:
            team.saved(120)
        _wait_for_the_end(team)

    chief, _, other = _together([work, die, work])
    assert str(other) == str(chief)
    assert isinstance(chief, UserError) and "worker 1 (127.0.0.1:" in str(chief)
    assert "the same command goes on from step 120, which is saved, on any number of devices" in str(chief)


def test_the_others_hear_the_reason_from_a_chief_that_ends_at_once():
    def tell_slowly(team):
        tell = team._tell

        def slowly(message):
            if message["kind"] == "failed":
                time.sleep(0.3)
            tell(message)

        team._tell = slowly
        while team.failure is None:  # as a main thread that comes from elsewhere and finds the reason there
            time.sleep(0.01)
        raise UserError(team.failure)

    def die(team):
        _die(team)
        raise SystemError

    chief, _, other = _together([tell_slowly, die, _wait_for_the_end])
    assert "worker 1 (127.0.0.1:" in str(chief) and str(other) == str(chief)


def test_two_reasons_at_once_are_one_reason(monkeypatch):
    told = []
    monkeypatch.setattr(team_module, "shorten", lambda text: time.sleep(0.2) or text)

    def fail_twice(team):
        team._tell = told.append
        threads = [threading.Thread(target=team._fail, args=(text,)) for text in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        raise UserError(team.failure)

    chief, _ = _together([fail_twice, _wait_for_the_end])
    assert [message["line"] for message in told if message["kind"] == "failed"] == [str(chief)]


def test_a_worker_that_has_to_end_amid_a_report_has_the_chief_save():
    def work(team):
        team.save_at_rest = lambda: team.saved(120)
        team.from_chief(lambda: None)  # which trains by then
        if team.cluster.index == 1:
            team.overdue()
            assert team.failure is not None  # the chief has saved, or could not
            raise UserError(team.failure)
        _wait_for_the_end(team)

    ends = _together([work] * 3)
    assert len({str(end) for end in ends}) == 1 and all(isinstance(end, UserError) for end in ends)
    assert "worker 1 (127.0.0.1:" in str(ends[0]) and "was told to end and cannot wait" in str(ends[0])
    assert "goes on from step 120, which is saved" in str(ends[0])


def test_a_chief_that_cannot_save_for_a_worker_ends_all_the_same():
    def refuse():
        raise UserError("cannot write: No space left on device")

    def work(team):
        team.save_at_rest = refuse
        team.from_chief(lambda: None)
        if team.cluster.index == 1:
            team.overdue()
            raise UserError(team.failure)
        _wait_for_the_end(team)

    for end in _together([work] * 2):
        assert isinstance(end, UserError) and "the same command goes on from its beginning" in str(end)


def test_a_chief_that_dies_ends_all():
    def die(team):
        _die(team)
        raise SystemError

    _, first, second = _together([die, _wait_for_the_end, _wait_for_the_end])
    assert "worker 0 (127.0.0.1:" in str(first) and "ended in the middle" in str(first)
    assert str(second) == str(first)


def test_a_process_that_falls_silent_ends_all(monkeypatch):
    monkeypatch.setattr(team_module, "_SECONDS_OF_SILENCE", 1.5)

    def freeze(team):
        team._tell = lambda message: None
        _wait_for_the_end(team)

    chief, frozen = _together([_wait_for_the_end, freeze])
    assert "worker 1 (127.0.0.1:" in str(chief) and "has not answered for 1.5 s" in str(chief)
    assert isinstance(frozen, UserError)


def test_an_error_of_one_process_is_told_to_the_others():
    def fail(team):
        raise OSError("no space left on device")

    chief, other = _together([fail, _wait_for_the_end])
    assert isinstance(chief, OSError)
    assert "worker 0 (127.0.0.1:" in str(other) and "no space left on device" in str(other)


def test_who_loses_the_others_though_all_live_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr(team_module, "_SECONDS_OF_SILENCE", 1.5)

    def lose(team):
        raise team.explain(AbortedError("of a graph\nof many lines"))

    for result in _together([_wait_for_the_end, lose]):
        assert isinstance(result, UserError) and "\n" not in str(result)
        assert "worker 1 (127.0.0.1:" in str(result)
        assert "lost the other processes (AbortedError); the same command goes on from its beginning" in str(result)


def test_those_who_are_through_wait_for_the_others():
    ended = []

    def work(team):
        time.sleep(0.3 * team.cluster.index)
        ended.append(team.cluster.index)
        return team.failure

    assert _together([work] * 3) == [None] * 3
    assert ended == [0, 1, 2]


def test_a_process_alone_decides_for_itself():
    with Team() as team:
        team.meet(FACTS)
        assert team.is_chief and team.from_chief(lambda: 5) == 5
        error = RuntimeError()
        assert team.explain(error) is error
