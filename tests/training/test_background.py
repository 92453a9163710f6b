import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from commands import ROOT

from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import newest_whole_step
from tf_gpt2.run_directory import checkpoint_path
from tf_gpt2.training.background import BackgroundWriter


def test_jobs_run_beside_the_caller_and_a_second_lot_waits():
    writer, gate, done = BackgroundWriter(), threading.Event(), []
    writer.submit(gate.wait, lambda: done.append(1))
    assert not done
    threading.Timer(0.05, gate.set).start()
    writer.submit(lambda: done.append(2))
    assert done[0] == 1
    writer.wait()
    assert done == [1, 2]


def test_an_error_comes_once_and_ends_the_lot():
    def fail():
        raise UserError("the disk is full")

    writer, done = BackgroundWriter(), []
    for ask in (writer.wait, lambda: writer.submit(lambda: done.append(2))):
        writer.submit(fail, lambda: done.append(1))
        with pytest.raises(UserError, match="full"):
            ask()
    writer.submit(fail)
    writer.close()
    with pytest.raises(UserError, match="full"):
        writer.check()
    writer.check()
    assert not done


WRITE_TWO = """
import sys, time
import numpy as np
from tf_gpt2 import files
from tf_gpt2.formats.training_checkpoint import write_checkpoint
from tf_gpt2.run_directory import checkpoint_path
from tf_gpt2.training.background import BackgroundWriter

def write(step):
    write_checkpoint(checkpoint_path(sys.argv[1], step), {"a": np.full(1000, step)}, {"state": "{}"})

def pause(path):
    print("amid", flush=True)
    time.sleep(60)

writer = BackgroundWriter()
writer.submit(lambda: write(1))
writer.wait()
files.sync = pause
writer.submit(lambda: write(2))
time.sleep(60)
"""


def test_a_kill_amid_writing_leaves_the_checkpoint_before_it(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITE_TWO, tmp_path], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"amid\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert newest_whole_step(tmp_path) == 1
    assert not checkpoint_path(tmp_path, 2).exists()


def test_what_is_written_later_is_what_stood_when_it_was_copied(tmp_path):
    import keras

    from tf_gpt2.training.checkpoints import restore_newest, snapshot_checkpoint

    variable = keras.Variable(np.zeros(1000, np.float32), name="a")
    write = snapshot_checkpoint(tmp_path, 3, [variable], {"step": 3}, keep=1)
    variable.assign_add(np.ones(1000, np.float32))
    write()
    restore_newest(tmp_path, [variable])
    assert not np.asarray(variable).any()
