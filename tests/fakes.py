"""Servers that behave as the world does, on loopback: fakes that speak the real protocol, no mocks of our own code."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What the feed server says at one path. `drip` is seconds between single bytes, until the client has gone.

    Where there is a `gate`, the answer waits until as many are under way as open it.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    gate: threading.Barrier | None = None


class FeedServer:
    """A real HTTP server on loopback: it answers what `answers` says, path by path, and remembers what it was asked.

    A path with an ETag answers 304 to whoever sends it back. With a `certificate` it speaks TLS.
    """

    def __init__(self, host: str = "127.0.0.1", certificate: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.at_once, self.most_at_once = 0, 0  # requests that are being answered
        self._lock = threading.Lock()
        self._scheme = "https" if certificate else "http"
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        if certificate:
            self._server.socket = certificate.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def serve(self, path: str, body: bytes, status: int = 200, drip: float = 0.0, **headers: str) -> str:
        """Answer `path` so from now on, and return its address. `content_type` stands for Content-Type."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = Answer(body, status, named, drip)
        return self.url(path)

    def url(self, path: str) -> str:
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}{path}"

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self._lock:
                self.at_once -= 1

    def __enter__(self) -> "FeedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with server._counted(), suppress(ssl.SSLError):
                    self._answer()

            def _answer(self) -> None:
                server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                answer = server.answers.get(self.path, Answer(status=404))
                if answer.gate:
                    with suppress(threading.BrokenBarrierError):
                        answer.gate.wait(60)
                etag = answer.headers.get("etag")
                fresh = etag is not None and self.headers.get("If-None-Match") == etag
                self.send_response(304 if fresh else answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if not fresh:
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                with suppress(OSError):  # the client hung up, as it should on a drip or a bomb
                    if not answer.drip:
                        self.wfile.write(answer.body)
                        return
                    for byte in answer.body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(answer.drip)

            def handle(self) -> None:
                with suppress(OSError):  # a client that does not like our certificate hangs up
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
