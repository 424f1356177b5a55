"""Waiting for events with a deadline: no test sleeps and hopes."""

import select
import threading
import time

never = threading.Event()


def wait_until(condition, seconds=15, what="the condition"):
    """Returns the first true value of condition(); fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        never.wait(0.01)


def read_line(stream, seconds=15):
    """One line of a pipe that is read unbuffered, or b"" at its end."""
    line = b""
    deadline = time.monotonic() + seconds
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        ready, _, _ = select.select([stream], [], [], max(left, 0))
        assert ready, f"no line within {seconds} s, only {line!r}"
        byte = stream.read(1)
        if not byte:
            break
        line += byte
    return line
