"""A small IMAP server (RFC 3501) with one folder: what a reader of a mailbox needs, and a wrong password."""

import re
import socket
import ssl
import threading
from dataclasses import dataclass, field


@dataclass
class ImapServer:
    """Mails by UID with their flags; `stop()` ends it."""

    mails: dict[int, bytes]
    password: str = "secret"
    flags: dict[int, set[str]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None  # from the first byte on

    def start(self) -> "ImapServer":
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    self._talk(self.tls.wrap_socket(connection, server_side=True) if self.tls else connection)
                except OSError:  # a client that does not trust us
                    continue

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as line:
            line.write(b"* OK ready\r\n")
            line.flush()
            while words := line.readline().decode().strip():
                tag, _, command = words.partition(" ")
                self.log.append(command)
                line.write(self._answer(tag, command))
                line.flush()
                if command == "LOGOUT":
                    break

    def _answer(self, tag: str, command: str) -> bytes:
        lines: list[bytes] = []
        if command == "CAPABILITY":
            lines = [b"* CAPABILITY IMAP4rev1"]
        elif command.startswith("LOGIN") and f'"{self.password}"' not in command:
            return f"{tag} NO [AUTHENTICATIONFAILED] wrong\r\n".encode()
        elif command == "LOGOUT":
            lines = [b"* BYE"]
        elif command.startswith("SELECT"):
            lines = [f"* {len(self.mails)} EXISTS".encode()]
        elif command.startswith("UID SEARCH"):
            lines = [f"* SEARCH {' '.join(str(n) for n in self.mails if 'Seen' not in self._of(n))}".encode()]
        elif command.startswith("UID FETCH"):
            lines = [self._fetched(number) for number in self._named(command)]
        elif command.startswith("UID STORE"):
            for number in self._named(command):
                self._of(number).update(re.findall(r"\\(\w+)", command))
        elif command == "EXPUNGE":
            self.mails = {n: mail for n, mail in self.mails.items() if "Deleted" not in self._of(n)}
        return b"".join(line + b"\r\n" for line in [*lines, f"{tag} OK done".encode()])

    def _of(self, number: int) -> set[str]:
        return self.flags.setdefault(number, set())

    def _named(self, command: str) -> list[int]:
        return [int(n) for n in command.split()[2].split(",") if int(n) in self.mails]

    def _fetched(self, number: int) -> bytes:
        head = self.mails[number].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return b"* %d FETCH (UID %d FLAGS () BODY[HEADER] {%d}\r\n%s)" % (number, number, len(head), head)
