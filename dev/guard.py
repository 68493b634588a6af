"""Ends the stack's processes when the stack itself was killed and could not.

usage: guard.py FOLDER

Reads `+PID` for each process group that the stack starts and `-PID` for each that has ended. When its input closes,
which also happens when the stack dies of SIGKILL, it kills the groups that are left and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys

from processes import kill_session


def main(folder: str) -> None:
    running: set[int] = set()
    for line in sys.stdin:
        (running.add if line[0] == "+" else running.discard)(int(line[1:]))
    for group in running:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        kill_session(group)
    shutil.rmtree(folder, ignore_errors=True)


main(sys.argv[1])
