"""An SMTP server that writes down what it took, and misbehaves where a test asks it to.

It is a real server on a real loopback socket, one thread a connection, small enough to be quick. `rules` say what goes
wrong: at a stage, for the n-th time it is reached (or always), answer a code, hang up, or fall silent.
"""

import socket
import ssl
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

HANG_UP = "hang up"
SILENCE = "silence"
STRIP = "strip"  # of STARTTLS: do not offer it


@dataclass
class Taken:
    """One message that the server said 250 to."""

    sender: str
    recipient: str
    data: bytes  # undotted, with CRLF, without the final dot


@dataclass
class Sink:
    """`with Sink() as sink:` listens on `sink.port`. `taken` holds what it accepted, `commands` what was said to it."""

    rules: dict[str, str] = field(default_factory=dict)  # stage → "550 5.1.1 no such user", HANG_UP or SILENCE
    refuse: Callable[[str, str], str | None] = lambda stage, word: None  # (stage, address or "") → the same; see `nth`
    pipelining: bool = True
    features: tuple[str, ...] = ("8BITMIME", "ENHANCEDSTATUSCODES")
    features_in_clear: tuple[str, ...] = ()  # what a man in the middle offers besides, before TLS
    certificate: Path | None = None  # PEM with key and chain: offers STARTTLS
    implicit_tls: bool = False
    port: int = 0  # 0: any
    log: Path | None = None  # every recipient taken is appended here at once, for tests that kill
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    in_clear: list[str] = field(default_factory=list)  # those of them that were said before TLS
    logins: list[str] = field(default_factory=list)  # what AUTH said, decoded
    reached: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._open: set[_Talk] = set()
        self._lock, self._asking = threading.Lock(), threading.local()
        self.released = threading.Event()  # ends every silence
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for talk in self._open:
                talk.cut_off()
        self._thread.join()

    @property
    def nth(self) -> int:
        """For whom `refuse` is asked: how many have reached this stage with this one. Of several conversations each has
        a number of its own, whereas `reached` may have gone on."""
        number: int = self._asking.nth
        return number

    @property
    def recipients(self) -> list[str]:
        return [message.recipient for message in self.taken]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        talk = _Talk(self, connection)
        with self._lock:
            self._open.add(talk)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk.run()
        except (OSError, _HangUp):
            pass
        finally:
            with self._lock:
                self._open.discard(talk)
            talk.close()

    def _secure(self, connection: socket.socket) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.certificate))
        return context.wrap_socket(connection, server_side=True)

    def _rule(self, stage: str, word: str) -> str | None:
        with self._lock:
            self.reached[stage] += 1
            self._asking.nth = self.reached[stage]
        return self.refuse(stage, word) or self.rules.get(stage)


class _HangUp(Exception):
    pass


class _Talk:
    """One conversation."""

    def __init__(self, sink: Sink, connection: socket.socket) -> None:
        self.sink, self.connection = sink, connection
        self.file = connection.makefile("rb")
        self.sender, self.recipient = "", ""
        self.secure = False

    def close(self) -> None:
        self.file.close()
        self.connection.close()

    def cut_off(self) -> None:
        """From another thread: whatever it waits for ends."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def start_tls(self) -> None:
        self.file.close()
        self.connection = self.sink._secure(self.connection)
        self.file = self.connection.makefile("rb")
        self.secure = True

    def run(self) -> None:
        if self.sink.implicit_tls:
            self.start_tls()
        self.answer("banner", "", "220 sink ESMTP")
        while line := self.file.readline(4096):
            words = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            self.sink.commands.append(words)
            if not self.secure:
                self.sink.in_clear.append(words)
            verb = words.split(" ")[0].split(":")[0].upper()
            getattr(self, f"do_{verb.lower()}", self.do_unknown)(words)

    def answer(self, stage: str, word: str, good: str) -> bool:
        """Say `good`, or what a rule says instead. True if all went well."""
        rule = self.sink._rule(stage, word)
        if rule == HANG_UP:
            raise _HangUp
        if rule == SILENCE:
            self.sink.released.wait()
            raise _HangUp
        self.say(rule if rule and rule != STRIP else good)
        if rule and rule.startswith("421"):
            raise _HangUp
        return not rule or rule == STRIP

    def say(self, words: str) -> None:
        self.connection.sendall(words.encode() + b"\r\n")

    def do_ehlo(self, _words: str) -> None:
        offers = ["sink", *self.sink.features, *(() if self.secure else self.sink.features_in_clear)]
        offers += ["PIPELINING"] if self.sink.pipelining else []
        if self.sink.certificate and not self.secure and self.sink.rules.get("STARTTLS") != STRIP:
            offers.append("STARTTLS")
        lines = [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
        self.answer("EHLO", "", "\r\n".join(lines))

    def do_starttls(self, _words: str) -> None:
        if self.answer("STARTTLS", "", "220 go ahead"):
            self.start_tls()

    def do_auth(self, words: str) -> None:
        _, mechanism, *initial = words.split(" ")
        said = initial or [self.asked("VXNlcm5hbWU6"), self.asked("UGFzc3dvcmQ6")]  # LOGIN: Username: Password:
        self.sink.logins.append(mechanism + " " + " ".join(b64decode(one).decode() for one in said))
        if mechanism == "XOAUTH2" and self.sink.rules.get("AUTH", "").startswith("5"):
            assert self.asked("eyJzdGF0dXMiOiI0MDEifQ==") == ""  # {"status":"401"}
        self.answer("AUTH", "", "235 2.7.0 welcome")

    def asked(self, words: str) -> str:
        self.say(f"334 {words}")
        return self.file.readline().decode().rstrip("\r\n")

    def do_mail(self, words: str) -> None:
        self.sender = words.partition("<")[2].partition(">")[0] if self.answer("MAIL", "", "250 2.1.0 ok") else ""
        self.recipient = ""

    def do_rcpt(self, words: str) -> None:
        address = words.partition("<")[2].partition(">")[0]
        if not self.sender:
            self.say("503 5.5.1 MAIL first")
        elif self.answer("RCPT", address, "250 2.1.5 ok"):
            self.recipient = address

    def do_data(self, _words: str) -> None:
        if not self.recipient:
            self.say("554 5.5.1 no valid recipients" if self.sender else "503 5.5.1 MAIL first")
            return
        if not self.answer("DATA", self.recipient, "354 go on"):
            return
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                raise _HangUp
            lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        self.take(b"".join(lines))

    def take(self, data: bytes) -> None:
        rule = self.sink._rule("dot", self.recipient)
        if rule == "250 then hang up" or not rule:
            self.sink.taken.append(Taken(self.sender, self.recipient, data))
            if self.sink.log:
                with self.sink.log.open("a") as out:
                    out.write(self.recipient + "\n")
        if rule == "250 then hang up" or rule == HANG_UP:
            raise _HangUp
        if rule == SILENCE:
            self.sink.released.wait()
            raise _HangUp
        self.say(rule or "250 2.0.0 taken")
        if rule and rule.startswith("421"):
            raise _HangUp

    def do_rset(self, _words: str) -> None:
        self.sender = self.recipient = ""
        self.answer("RSET", "", "250 2.0.0 ok")

    def do_quit(self, _words: str) -> None:
        self.say("221 2.0.0 bye")
        raise _HangUp

    def do_unknown(self, _words: str) -> None:
        self.say("502 5.5.2 what?")
