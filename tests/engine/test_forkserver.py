"""The fork server starts in silence, whatever is typed meanwhile."""

import subprocess
import sys

_STARTS = """
import os, signal
from multiprocessing import resource_tracker
from pathlib import Path
from pipeline.engine.forkserver import start_forkserver

start_forkserver()
children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
server, = {int(pid) for pid in children} - {resource_tracker._resource_tracker._pid}
mask = int(Path(f"/proc/{server}/status").read_text().partition("SigBlk:")[2].split()[0], 16)
print(bool(mask >> (signal.SIGINT - 1) & 1))
"""


def test_a_ctrl_c_while_the_server_imports_does_not_reach_it() -> None:
    """SIGINT goes to the whole group. The server holds it back from its first instruction on: it would end with a
    traceback otherwise."""
    started = subprocess.run([sys.executable, "-c", _STARTS], capture_output=True, text=True, check=True)
    assert started.stdout == "True\n"
