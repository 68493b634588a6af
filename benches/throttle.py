"""A share of a processor, as Lambda gives it: 1,769 MB of memory are one whole processor."""

from __future__ import annotations

import os
import time
from pathlib import Path

V1 = Path("/sys/fs/cgroup/cpu")
V2 = Path("/sys/fs/cgroup")
# How often Lambda hands out the share anew; the shorter, the more evenly it is spread.
PERIOD_US = 20_000
WHOLE_PROCESSOR_MB = 1769


class Unavailable(Exception):
    """This machine does not let the bench make a control group; the text says why."""


class Share:
    """A control group with a quota. What is put into it may use no more than `memory_mb` MB's share."""

    def __init__(self, memory_mb: int) -> None:
        quota = max(1000, PERIOD_US * memory_mb // WHOLE_PROCESSOR_MB)
        v1 = (V1 / "cpu.cfs_quota_us").exists() or (V1 / "cpu.shares").exists()
        self.folder = (V1 if v1 else V2) / f"rotation-bench-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self.folder.mkdir()
        except OSError as error:
            raise Unavailable(f"{self.folder.parent}: {error.strerror}") from error
        try:
            if v1:
                (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self.folder / "cpu.cfs_quota_us").write_text(str(quota))
            else:
                (self.folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        except OSError as error:
            self.close()
            raise Unavailable(f"{self.folder}: the quota cannot be set: {error.strerror}") from error

    def hold(self, pid: int) -> None:
        """From now on the process has only its share."""
        try:
            (self.folder / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            raise Unavailable(f"{self.folder}: a process cannot be put into it: {error.strerror}") from error

    def close(self) -> None:
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except OSError:  # its last process is still going
                time.sleep(0.02)

    def __enter__(self) -> Share:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
