# SPDX-License-Identifier: Apache-2.0
"""What every test needs: where the build is, how slow this run is, waiting without guessing."""
import os
import pathlib
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("PHX_BUILD") or os.environ.get("top_builddir") or SOURCE / "build")
WRAP = os.environ.get("PHX_WRAP", "").split()  # a command before the program's, such as valgrind
SLOW = float(os.environ.get("PHX_SLOW", "10" if WRAP else "1"))  # raise it for sanitizers


def wait_until(condition, what, timeout=20.0):
    """The first true answer of condition(); asked again and again until the time is over."""
    deadline, pause = time.monotonic() + timeout * SLOW, 0.005
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {timeout * SLOW:g}s in vain until {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
