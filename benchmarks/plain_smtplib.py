"""The reference that everybody could write: the standard library's client in threads, one fixed message, no ledger."""

import argparse
import json
from smtplib import SMTP
from threading import Thread

from benchmarks.harness import MESSAGE_BYTES, timed


def main() -> None:
    """Print how long `--count` messages took over `--connections` kept connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "count", "connections"):
        parser.add_argument(f"--{name}", type=int, required=True)
    wanted = parser.parse_args()
    message = _message()

    def loop(count: int) -> None:
        with SMTP("127.0.0.1", wanted.port) as client:
            for number in range(count):
                client.sendmail("daily@example.com", [f"reader{number}@example.com"], message)

    share = wanted.count // wanted.connections
    threads = [Thread(target=loop, args=(share,)) for _ in range(wanted.connections)]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    print(json.dumps(timed(run) | {"messages": share * wanted.connections}))


def _message() -> bytes:
    head = b"Subject: The ferry sails again\r\n\r\n"
    line = b"x" * 70 + b"\r\n"
    return head + line * ((MESSAGE_BYTES - len(head)) // len(line))


if __name__ == "__main__":
    main()
