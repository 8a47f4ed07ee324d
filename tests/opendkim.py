"""A real OpenDKIM that verifies: as a milter behind a relay. Keys come from a file in the place of the DNS."""

import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from newsletter.delivery.dkim import Key
from tests.ports import a_free_port

SETTINGS = """
Mode v
Syslog no
AuthservID relay.example.com
AlwaysAddARHeader yes
InternalHosts {folder}/nobody
TestPublicKeys {folder}/records
"""


@dataclass
class OpenDkim:
    """`with OpenDkim(folder, keys) as verifier:` answers as a milter on `verifier.port`."""

    folder: Path
    keys: Sequence[Key]
    port: int = field(init=False)

    def __enter__(self) -> Self:
        self.port = a_free_port()
        (self.folder / "nobody").write_text("192.0.2.1\n")  # mail of "internal hosts" is signed, not verified
        (self.folder / "records").write_text("".join(f"{key.record_name} {key.record}\n" for key in self.keys))
        settings = self.folder / "opendkim.conf"
        settings.write_text(SETTINGS.format(folder=self.folder))
        command = ["/usr/sbin/opendkim", "-f", "-x", str(settings), "-p", f"inet:{self.port}@127.0.0.1"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._wait()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def _wait(self) -> None:
        """Until it answers."""
        end = monotonic() + 60
        while monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=60).close()
            except OSError:
                assert self._process.poll() is None, self._process.communicate()[1]
                sleep(0.02)
            else:
                return
        raise AssertionError("OpenDKIM does not answer")
