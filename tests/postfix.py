"""A real Postfix of its own: loopback only, everything in a temporary folder.

It needs the Debian package and root (its master process drops to its own users). Nothing of the machine's own Postfix
is read or changed.
"""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep
from typing import Self

from tests.ports import a_free_port

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
postlog   unix-dgram n - n - 1 postlogd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.com
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {certificate}
smtpd_tls_security_level = may
smtpd_forbid_bare_newline = yes
alias_maps =
alias_database =
"""


@dataclass
class Postfix:
    """`with Postfix(certificate, addresses) as relay:` answers on `relay.port` and has a Maildir for each address."""

    certificate: Path  # PEM: key and chain
    addresses: list[str]  # all of `domain`
    domain: str = "example.com"
    settings: str = ""  # more lines of main.cf
    port: int = field(init=False)
    folder: Path = field(init=False)

    def __enter__(self) -> Self:
        self.port = a_free_port()
        self.folder = Path(mkdtemp(prefix="postfix-"))  # not below pytest's folder, which only its owner may enter
        self.folder.chmod(0o755)
        uid = int(subprocess.check_output(["/usr/bin/id", "-u", "postfix"]))
        for part in ("conf", "queue", "data", "mail"):
            (self.folder / part).mkdir()
            (self.folder / part).chmod(0o755)  # its own users enter, whatever the umask
        for part in ("data", "mail"):
            shutil.chown(self.folder / part, "postfix")
        lines = [f"{address} {address.partition('@')[0]}/\n" for address in self.addresses]
        (self.folder / "mailboxes").write_text("".join(lines))
        (self.folder / "mailboxes").chmod(0o644)
        values = {"folder": self.folder, "domain": self.domain, "uid": uid, "certificate": self.certificate}
        (self.folder / "conf" / "main.cf").write_text(MAIN.format(**values) + self.settings)
        (self.folder / "conf" / "master.cf").write_text(MASTER.format(port=self.port))
        self._command("start")
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()  # to stop in peace takes it seconds
        shutil.rmtree(self.folder)

    def kill(self) -> None:
        """Every process of it, at once (SIGKILL). What it has taken lies in its queue."""
        master = int((self.folder / "queue" / "pid" / "master.pid").read_text())
        os.kill(master, signal.SIGSTOP)  # it would start anew what dies
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for number in [*map(int, children), master]:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def start_again(self) -> None:
        """On the same port, with the same queue."""
        self._command("start")

    def mails(self, address: str) -> list[bytes]:
        """What lies in the mailbox of an address, each mail once that it was given: killed between a delivery and its
        note of it, Postfix delivers once more what it has under one number of its queue."""
        box = self.folder / "mail" / address.partition("@")[0] / "new"
        mails = [path.read_bytes() for path in sorted(box.iterdir())] if box.is_dir() else []
        return list({_queue_number(mail): mail for mail in mails}.values())

    def delivered(self) -> int:
        """How many mails lie in all mailboxes, each counted once that it was given."""
        boxes = (self.folder / "mail").iterdir()
        return sum(len({_queue_number(mail.read_bytes()) for mail in box.glob("new/*")}) for box in boxes)

    def wait_for(self, count: int, seconds: float = 90) -> None:
        """Until so many mails are delivered; the queue's own time, not ours, so there is a generous end."""
        end = monotonic() + seconds
        while self.delivered() < count:
            if monotonic() > end:
                raise AssertionError(f"{self.delivered()} of {count} delivered: {self.log()[-2000:]}")
            sleep(0.05)

    def log(self) -> str:
        path = self.folder / "mail.log"
        return path.read_text() if path.exists() else ""

    def _command(self, word: str) -> None:
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.folder / "conf"), word],
            capture_output=True,
            text=True,
            timeout=60,
            umask=0o022,
        )
        assert done.returncode == 0, done.stderr + self.log()


def _queue_number(mail: bytes) -> bytes:
    """Under which it took this mail: its own Received stands above all others."""
    found = re.search(rb"SMTPS?A? id (\w+)", mail)
    assert found, mail[:1000]
    return found[1]
