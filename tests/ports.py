"""Ports of loopback for who has to know the number before anybody listens there.

A port that the kernel picked, and that was let go, is in its next moment anybody's: it picks among the same ones for
all other tests of the machine, and for their connections. Below its range it gives none away by itself; each process
of the tests begins at a place of its own there.
"""

import os
import socket
from itertools import count

FIRST, HOW_MANY = 11_000, 20_000  # the kernel's own begin at 32,768; Chromium goes to none that has a bad name
_tried = count(os.getpid() * 1_009)


def a_free_port() -> int:
    """One that nobody listens on at 127.0.0.1, and that is given out once."""
    for number in _tried:
        port = FIRST + number % HOW_MANY
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("the loop above has no end")
