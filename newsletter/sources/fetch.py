"""One polite GET: conditional, bounded in bytes and seconds, and never into a private network.

A stranger's feed may redirect us, or let its name resolve, to a machine behind our own walls. So each connection goes
to the very address that was checked (no second look-up in which it could change), and that holds for every redirect.
httpx2 bounds each single read; `_Bounds` bounds the whole, or a server that drips would keep us for ever.
"""

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from queue import Empty, SimpleQueue
from socket import SOCK_STREAM, gaierror, getaddrinfo
from time import monotonic
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2

from newsletter.config import Collecting
from newsletter.errors import AskedToWait, FetchError, Gone
from newsletter.sources import manners

MAX_REDIRECTS = 5
PERMANENT = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT)
WEB_PORTS = frozenset({80, 443})
CONNECT_SECONDS = 5.0
HEADROOM = 200_000  # bytes on the wire beside the body: headers, chunk sizes, TLS
LONGEST_ETAG, LONGEST_DATE = 500, 100  # the store's columns
FEEDS = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"

Address = IPv4Address | IPv6Address
GLOBAL_IPV6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Fetched:
    """What a source answered. `data` is None where nothing has changed since `etag` and `last_modified`."""

    data: bytes | None
    url: str  # where it was found, after redirects
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""  # where it lives from now on, if it said so (301, 308)
    rest: timedelta = timedelta(0)  # for how long it need not be asked again


def get(
    url: str,
    collecting: Collecting,
    *,
    contact: str,
    etag: str = "",
    last_modified: str = "",
    accept: str = FEEDS,
    also_port: int | None = None,
) -> Fetched:
    """Fetch `url`; `contact` is our own address, for those who run the other server.

    No ports but 80 and 443 are asked, and `also_port`: one that the operator's own words name.
    Raises FetchError, in words, for every way in which this can fail.
    """
    bounds = _Bounds(collecting)
    headers = {"Accept": accept}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": last_modified} if last_modified else {}
    with _asked("GET", url, headers, bounds, contact, also_port) as response:
        return _answer(response, bounds, asked_conditionally=bool(etag or last_modified))


def status(url: str, collecting: Collecting, *, contact: str) -> int:
    """What `url` answers, 200 or 404, without its body: to HEAD, and to GET where HEAD is not liked.

    Raises FetchError where there is no answer at all.
    """
    bounds = _Bounds(collecting)
    for method in ("HEAD", "GET"):
        with _asked(method, url, {"Accept": "*/*"}, bounds, contact, port_of(url)) as response:
            code = response.status_code
        if code < HTTPStatus.BAD_REQUEST:
            break
    return code


def port_of(url: str) -> int | None:
    """The port that an address names; None where it names none."""
    try:
        return urlsplit(url).port
    except ValueError:
        return None


@contextmanager
def _asked(
    method: str, url: str, headers: dict[str, str], bounds: "_Bounds", contact: str, also_port: int | None
) -> Iterator[httpx2.Response]:  # fmt: skip
    """The answer with its body still to come. Everything that goes wrong, also while it is read, is a FetchError."""
    headers = headers | {
        "User-Agent": f"newsletter/{version('newsletter')} (+{contact})",
        "Accept-Encoding": "gzip, deflate",
    }
    try:
        with (
            httpx2.Client(
                transport=_Transport(bounds, also_port),
                trust_env=False,
                follow_redirects=True,
                max_redirects=MAX_REDIRECTS,
            ) as client,
            client.stream(method, url, headers=headers, timeout=bounds.seconds) as response,
        ):
            yield response
    except (httpx2.TimeoutException, httpcore2.TimeoutException) as error:
        raise bounds.took_too_long() from error
    except httpx2.TooManyRedirects as error:
        raise FetchError(f"It redirects more than {MAX_REDIRECTS} times.") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise FetchError(f"It can't be read: {_plainly(error)}.") from error


def _answer(response: httpx2.Response, bounds: "_Bounds", *, asked_conditionally: bool) -> Fetched:
    headers = response.headers
    unchanged = response.status_code == HTTPStatus.NOT_MODIFIED and asked_conditionally
    if not unchanged and response.status_code != HTTPStatus.OK:
        raise _refusal(response.status_code, headers.get("retry-after", "").strip()[:40])
    return Fetched(
        data=None if unchanged else _body(response, bounds.max_bytes),
        url=str(response.url),
        content_type=headers.get("content-type", ""),
        etag=_kept(headers.get("etag", ""), LONGEST_ETAG),
        last_modified=_kept(headers.get("last-modified", ""), LONGEST_DATE),
        moved_to=_moved_to(response),
        rest=manners.lifetime(headers),
    )


def _moved_to(response: httpx2.Response) -> str:
    """Where the permanent redirects lead with which the chain begins; "" where it begins with none."""
    chain = [*response.history, response]
    steps = next(n for n, hop in enumerate(chain) if hop.status_code not in PERMANENT)
    return str(chain[steps].url) if steps else ""


def _body(response: httpx2.Response, max_bytes: int) -> bytes:
    """The unpacked body. httpx2 unpacks at most 1 MiB at a time, so a gzip bomb is met before it has gone off."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _refusal(status: int, retry_after: str) -> FetchError:
    """A status as a sentence."""
    if status == HTTPStatus.GONE:
        return Gone("It answers 410: it is gone for good.")
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no known status"
    if not retry_after:
        return FetchError(f"It answers {status} ({phrase}).")
    wait = f"for {retry_after} seconds" if retry_after.isdecimal() else f"until {retry_after}"
    return AskedToWait(f"It answers {status} ({phrase}) and asks to be left alone {wait}.", retry_after)


def _kept(validator: str, longest: int) -> str:
    """A validator that can be sent back as it came, or none."""
    return validator if validator.isascii() and validator.isprintable() and len(validator) <= longest else ""


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(f"It is larger than {max_bytes:,} bytes (collecting.max_bytes).")


def _plainly(error: Exception) -> str:
    cause = error.__cause__.__cause__ if error.__cause__ and error.__cause__.__cause__ else error
    words = str(getattr(cause, "strerror", "") or error) or type(error).__name__
    return words.strip().rstrip(".")[:200]


# --- bounds --------------------------------------------------------------------------------------------------------


class _Bounds:
    """How long one source may take in all, how much it may send, and where it may live."""

    def __init__(self, collecting: Collecting) -> None:
        self.allowed = collecting.allowed_networks
        self.ca_file = collecting.ca_file
        self.max_bytes = collecting.max_bytes
        self.seconds = collecting.timeout_seconds
        self._end = monotonic() + self.seconds
        self._received = 0

    def seconds_left(self, at_most: float | None = None) -> float:
        left = self._end - monotonic()
        if left <= 0:
            raise self.took_too_long()
        return left if at_most is None else min(left, at_most)

    def received(self, data: bytes) -> bytes:
        self._received += len(data)
        if self._received > self.max_bytes + HEADROOM:
            raise _too_large(self.max_bytes)
        return data

    def took_too_long(self) -> FetchError:
        return FetchError(f"It took longer than {self.seconds:g} seconds (collecting.timeout_seconds).")

    def address_of(self, host: str, port: int) -> str:
        """The address to connect to, checked. One forbidden address among several forbids the name."""
        addresses = self._look_up(host, port)
        for address in addresses:
            if not self._may_reach(address):
                whose = f"{host} is" if host == str(address) else f"{host} leads to"
                raise FetchError(
                    f"{whose} {address}, in a network that is not public; "
                    "if it is meant to be reached, add that network to collecting.private_networks."
                )
        return str(addresses[0])

    def _may_reach(self, address: Address) -> bool:
        inner = _unwrapped(address)
        if any(inner in network for network in self.allowed):
            return True
        if isinstance(inner, IPv6Address) and inner not in GLOBAL_IPV6:
            return False
        return inner.is_global and not inner.is_multicast

    def _look_up(self, host: str, port: int) -> list[Address]:
        """What the resolver knows, in its own thread: it takes no time-out, and names like 127.1 are numbers to it."""
        answers: SimpleQueue[list[Any] | OSError | UnicodeError] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(getaddrinfo(host, port, type=SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True, name="name-look-up").start()
        try:
            answer = answers.get(timeout=self.seconds_left())
        except Empty as error:
            raise self.took_too_long() from error
        if not isinstance(answer, list):
            why = answer.strerror if isinstance(answer, gaierror) else str(answer)
            raise FetchError(f"There is no {host} to be found: {why}.") from answer
        return list(dict.fromkeys(ip_address(found[4][0]) for found in answer))


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (::ffff:10.0.0.1, 6to4, NAT64), else the same."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


# --- httpx2's transport, with our own connections ------------------------------------------------------------------


class _Stream(httpcore2.NetworkStream):
    """A connection whose every read and write ends when the whole fetch must."""

    def __init__(self, stream: httpcore2.NetworkStream, bounds: _Bounds) -> None:
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

    def __init__(self, bounds: _Bounds) -> None:
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


class _Transport(httpx2.BaseTransport):
    """Every hop of a fetch goes through here: no passwords in addresses, no odd ports, no way from https to http."""

    def __init__(self, bounds: _Bounds, also_port: int | None) -> None:
        self._pool = httpcore2.ConnectionPool(ssl_context=_trusted(bounds.ca_file), network_backend=_Backend(bounds))
        self._ports = WEB_PORTS | {also_port}
        self._was_secure = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
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
        self._pool.close()

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()
