"""How the threads of a process that sends share its cores."""

import os
from concurrent.futures import ThreadPoolExecutor

from newsletter.delivery import crew


def test_a_sender_and_its_clerk_keep_to_one_core_and_nobody_else_is_confined():
    before = os.sched_getaffinity(0)

    def sender() -> tuple[set[int], set[int]]:
        crew.keep_to_one_core()
        with ThreadPoolExecutor(1) as clerk:
            return os.sched_getaffinity(0), clerk.submit(os.sched_getaffinity, 0).result()

    with ThreadPoolExecutor(1) as thread:
        own, clerks = thread.submit(sender).result()
    assert own == clerks == {max(before)}
    assert os.sched_getaffinity(0) == before
