"""httpx2's transport, with our own connections: to checked addresses only, within bounds of time and size."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import httpcore2
import httpx2

from newsletter.errors import FetchError
from newsletter.sources.bounds import Bounds

WEB_PORTS = frozenset({80, 443})
CONNECT_SECONDS = 5.0


class _Stream(httpcore2.NetworkStream):
    """A connection whose every read and write ends when the whole fetch must."""

    def __init__(self, stream: httpcore2.NetworkStream, bounds: Bounds) -> None:
        self._stream, self._bounds = stream, bounds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._bounds.received(self._stream.read(max_bytes, self._bounds.seconds_left(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._bounds.seconds_left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._bounds.seconds_left(timeout))
        return _Stream(secured, self._bounds)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    """Connects to the address that was checked and to no other; TLS still asks for the name."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        address = self._bounds.address_of(host, port)
        seconds = self._bounds.seconds_left(CONNECT_SECONDS if timeout is None else min(timeout, CONNECT_SECONDS))
        return _Stream(super().connect_tcp(address, port, seconds, local_address, socket_options), self._bounds)


class _Body(httpx2.SyncByteStream):
    def __init__(self, parts: Any) -> None:
        self._parts = parts

    def __iter__(self) -> Any:
        yield from self._parts

    def close(self) -> None:
        self._parts.close()


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    """The certificate authorities we believe: the system's, and the operator's own."""
    trusted = httpx2.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            trusted.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            why = error.strerror or "it holds no certificate"
            raise FetchError(f"{ca_file} (collecting.ca_file) can't be used: {why}.") from error
    return trusted


class Transport(httpx2.BaseTransport):
    """Every hop of a fetch goes through here: no passwords in addresses, no odd ports, no way from https to http."""

    def __init__(self, bounds: Bounds, also_port: int | None) -> None:
        self._pool = httpcore2.ConnectionPool(ssl_context=_trusted(bounds.ca_file), network_backend=_Backend(bounds))
        self._ports = WEB_PORTS | {also_port}
        self._was_secure = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One hop. Raises FetchError for an address that is not asked."""
        url = request.url
        if url.scheme not in ("http", "https") or not url.host:
            raise FetchError(f"It leads to {str(url)[:100]!r}; only http and https are fetched.")
        if url.userinfo:
            raise FetchError("Its address has a name or password in it; such addresses are not fetched.")
        if (port := url.port or (443 if url.scheme == "https" else 80)) not in self._ports:
            raise FetchError(f"It leads to port {port}; only 80, 443 and a port that config.toml names are asked.")
        if self._was_secure and url.scheme == "http":
            raise FetchError("It redirects from https back to http, where anybody on the way could change it.")
        self._was_secure = url.scheme == "https"
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(status_code=answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        """Hang up."""
        self._pool.close()

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()
