"""The trial's visitor as a program."""

import json
import os
import subprocess
import sys

from protocol.trials import TrialOrder

# LiveKit's own threads now and then abort a process whose interpreter is being taken down.
PROGRAM = """
import atexit, os
from agent.programs import trial
from protocol.trials import TrialDone

async def talk(url, order):
    return TrialDone(asked=1, answered=1)

atexit.register(os.abort)
trial._talk = talk
raise SystemExit(trial.run(None))
"""


def test_what_was_measured_counts_though_the_process_would_die_on_its_way_out() -> None:
    order = TrialOrder(token="t", questions=["Who are you?"]).model_dump_json()
    environment = {**os.environ, "LIVEKIT_URL": "ws://127.0.0.1:9"}
    program = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(program, input=order, env=environment, capture_output=True, text=True, check=False)
    assert json.loads(ended.stdout) == {"done": {"asked": 1, "answered": 1}}
    assert ended.returncode == 0
