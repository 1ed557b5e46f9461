"""The log of the agent worker, which writes to it for months."""

import subprocess
from pathlib import Path

from agent.worker_log import older_part, rotate


def test_a_small_log_stays_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "agent-worker.log"
    rotate(log, 100)
    log.write_text("good morning\n")
    rotate(log, 100)
    assert log.read_text() == "good morning\n"
    assert not older_part(log).exists()


def test_a_full_log_is_set_aside_and_who_writes_goes_on_at_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "agent-worker.log"
    with log.open("ab") as output:
        writer = subprocess.Popen(
            ["sh", "-c", "seq 1000; echo full; read line; echo $line"], stdin=subprocess.PIPE, stdout=output
        )
        assert writer.stdin is not None
        while "full" not in log.read_text():
            assert writer.poll() is None
        rotate(log, 1_000)
        assert log.read_text() == ""
        writer.communicate(b"and on\n", 10)
    assert log.read_text() == "and on\n"
    older = older_part(log).read_text()
    assert len(older) <= 1_000
    assert older.endswith("999\n1000\nfull\n")
    assert all(line.isdigit() for line in older.split()[:-1]), "no line is cut"
    rotate(log, 3)
    assert older_part(log).read_text() == "", "of a line that is longer than all, nothing is kept"
