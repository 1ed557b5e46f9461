"""Room on the disk of the state folder."""

import os
from pathlib import Path

from protocol.readings import DiskSample


def read_disk(folder: Path) -> DiskSample | None:
    """None where the folder can't be asked. `free_bytes` is what a program without privileges may still write."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return DiskSample(total_bytes=found.f_blocks * found.f_frsize, free_bytes=found.f_bavail * found.f_frsize)
