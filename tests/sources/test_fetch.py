"""One polite and careful GET: `newsletter.sources.fetch`."""

import gzip
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from newsletter.config import Collecting
from newsletter.errors import FetchError
from newsletter.sources import bounds, fetch
from tests.fakes import FeedServer
from tests.ports import a_free_port

LOOPBACK = Collecting(private_networks=("127.0.0.1/32",), timeout_seconds=60, max_bytes=100_000)
CLOSED = Collecting(timeout_seconds=60, max_bytes=100_000)


def get(url: str, collecting: Collecting = LOOPBACK, **known: str) -> fetch.Fetched:
    """Fetch as The Harbour Post does."""
    return fetch.get(url, collecting, contact="https://post.example.com", also_port=fetch.port_of(url), **known)


@contextmanager
def tripwire(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A listening socket that nobody may connect to; yields its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wire.bind((host, port))
        wire.listen()
        wire.settimeout(0.05)
        yield wire.getsockname()[1]
        with pytest.raises(TimeoutError):
            wire.accept()


_connecting: list[object] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and _connecting is not None:
        _connecting.append(arguments[1])


sys.addaudithook(_watch)


@contextmanager
def no_connection() -> Iterator[None]:
    """Nobody in this process connects to anything: Python itself would tell."""
    global _connecting
    _connecting = []
    yield
    assert _connecting == []
    _connecting = None


def test_a_feed_is_fetched_and_we_say_who_we_are(server: FeedServer):
    """The other side's operators can see who asks, and where to complain."""
    url = server.serve(
        "/feed", b"<rss/>", content_type="text/xml", etag='"1"', last_modified="Mon, 23 Nov 2026 05:00:00 GMT"
    )
    answer = get(url)
    assert answer == fetch.Fetched(b"<rss/>", url, "text/xml", '"1"', "Mon, 23 Nov 2026 05:00:00 GMT")
    assert "newsletter/" in server.asked[0][1]["user-agent"]
    assert "https://post.example.com" in server.asked[0][1]["user-agent"]


def test_what_has_not_changed_is_not_sent_again(server: FeedServer):
    """Conditional GET (RFC 9110 §13): the validators go back as they came, and 304 has no data."""
    url = server.serve("/feed", b"<rss/>", etag='W/"1"')
    first = get(url)
    again = get(url, etag=first.etag, last_modified="Mon, 23 Nov 2026 05:00:00 GMT")
    assert (again.data, again.etag) == (None, 'W/"1"')
    assert server.asked[1][1]["if-none-match"] == 'W/"1"'
    assert server.asked[1][1]["if-modified-since"] == "Mon, 23 Nov 2026 05:00:00 GMT"


def test_a_304_that_was_not_asked_for_is_no_answer(server: FeedServer):
    """Without validators there is nothing it could be unchanged from."""
    with pytest.raises(FetchError, match="304"):
        get(server.serve("/feed", b"", status=304))


@pytest.mark.parametrize(
    ("status", "retry_after", "words"),
    [
        (404, "", r"404 \(Not Found\)"),
        (410, "", "gone for good"),
        (429, "3600", "429 .*left alone for 3600 seconds"),
        (503, "Mon, 23 Nov 2026 07:00:00 GMT", "503 .*left alone until Mon, 23 Nov"),
        (799, "", "799 .no known status"),
    ],
)
def test_a_refusal_is_told_in_words(server: FeedServer, status: int, retry_after: str, words: str):
    """The status, and what the server asks of us."""
    with pytest.raises(FetchError, match=words):
        get(server.serve("/feed", b"", status=status, retry_after=retry_after))


def test_redirects_are_followed_five_times_and_no_more(server: FeedServer):
    """A loop ends."""
    server.serve("/0", b"<rss/>")
    for n in range(1, 12):
        server.serve(f"/{n}", b"", status=302, location=f"/{n - 1}")
    assert get(server.url("/5")).url == server.url("/0")
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        get(server.url("/10"))
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        get(server.serve("/loop", b"", status=301, location="/loop"))


@pytest.mark.parametrize(
    ("hops", "lives_at"),
    [
        ([], 0),
        ([301], 1),
        ([301, 308], 2),
        ([301, 302], 1),
        ([302, 301], 0),
        ([307], 0),
        ([308, 308, 301, 303, 301], 3),
    ],
)
def test_permanent_redirects_are_told_apart_from_passing_ones(server: FeedServer, hops: list[int], lives_at: int):
    """301 and 308 say where a feed lives from now on, as far as the chain begins with them."""
    for n, status in enumerate(hops):
        server.serve(f"/{n}", b"", status=status, location=f"/{n + 1}")
    server.serve(f"/{len(hops)}", b"<rss/>")
    assert get(server.url("/0")).moved_to == (server.url(f"/{lives_at}") if lives_at else "")


def test_a_redirect_to_another_port_is_refused(server: FeedServer):
    """80 and 443 are the web's; another port is asked only where config.toml itself names it."""
    with tripwire() as port, pytest.raises(FetchError, match=f"leads to port {port}; only 80, 443"):
        get(server.serve("/feed", b"", status=302, location=f"http://127.0.0.1:{port}/"))
    with pytest.raises(FetchError, match="only 80, 443"):
        fetch.get(server.url("/feed"), LOOPBACK, contact="https://post.example.com")
    assert len(server.asked) == 1


def test_how_long_an_answer_keeps_is_told(server: FeedServer):
    """By its headers, for whoever decides when to ask again."""
    assert get(server.serve("/f", b"<rss/>", cache_control="max-age=900")).rest == timedelta(minutes=15)


def test_a_chain_of_ten_redirects_is_refused_after_five(server: FeedServer):
    """And nothing is asked beyond."""
    server.serve("/0", b"<rss/>")
    for n in range(1, 11):
        server.serve(f"/{n}", b"", status=302, location=f"/{n - 1}")
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        get(server.url("/10"))
    assert [path for path, _ in server.asked] == ["/10", "/9", "/8", "/7", "/6", "/5"]


def test_more_bytes_than_allowed_are_refused_packed_or_not(server: FeedServer):
    """A gzip bomb of 200 MB is stopped at the bound, long before it has gone off."""
    with pytest.raises(FetchError, match="100,000 bytes"):
        get(server.serve("/large", b"x" * 100_001))
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    begun = time.process_time()
    with pytest.raises(FetchError, match="100,000 bytes"):
        get(server.serve("/bomb", bomb, content_encoding="gzip"))
    assert time.process_time() - begun < 5
    assert get(server.serve("/small", gzip.compress(b"<rss/>"), content_encoding="gzip")).data == b"<rss/>"


def test_packed_bytes_that_unpack_to_nothing_are_counted_too(server: FeedServer):
    """A gzip header may be endless: what arrives is bounded as well as what comes out of it."""
    endless = b"\x1f\x8b\x08\x10" + bytes(6) + b"n" * 1_000_000
    with pytest.raises(FetchError, match="100,000 bytes"):
        get(server.serve("/nothing", endless, content_encoding="gzip"))


@pytest.mark.slow
def test_a_server_that_drips_is_left_in_the_end(server: FeedServer):
    """Each byte comes in time; all of them never would. The bound is on the whole."""
    hasty = Collecting(private_networks=("127.0.0.1/32",), timeout_seconds=0.5)
    with pytest.raises(FetchError, match=r"longer than 0.5 seconds"):
        get(server.serve("/drip", b"x" * 10_000, drip=0.02), hasty)  # all of it would take longer than a test may


@pytest.mark.slow
def test_a_server_that_never_answers_is_left_in_the_end():
    """It takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hasty = Collecting(private_networks=("127.0.0.1/32",), timeout_seconds=0.3)
        with pytest.raises(FetchError, match=r"longer than 0.3 seconds"):
            get(f"http://127.0.0.1:{silent.getsockname()[1]}/", hasty)


def test_a_broken_connection_and_a_wrong_name_are_told_in_words(server: FeedServer):
    """Not a traceback, and not the library's words alone."""
    with pytest.raises(FetchError, match=r"can't be read: Connection refused\."):
        get(f"http://127.0.0.1:{a_free_port()}/")
    with pytest.raises(FetchError, match="can't be read"):
        get(server.serve("/short", b"x", content_length="100"))
    with pytest.raises(FetchError, match="There is no"):
        get(f"http://{'a' * 64}.example/")


PRIVATE = [
    "127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "017700000001", "[::1]", "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:1]", "0.0.0.0", "0", "127.255.255.254",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_no_form_of_a_private_address_is_connected_to(host: str):
    """By name, by number in any form, by IPv6: refused with the key that would allow it, and nothing connects."""
    with tripwire() as port, pytest.raises(FetchError, match=r"collecting\.private_networks"):
        get(f"http://{host}:{port}/", CLOSED)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255",
     "[::ffff:10.0.0.1]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[64:ff9b::a00:1]", "[2002:a00:1::]",
     "[::]", "[2001:db8::1]", "192.0.2.1", "198.18.0.1", "240.0.0.1"],
)  # fmt: skip
def test_no_network_that_is_not_public_is_reached(host: str):
    """Private, link-local, shared, multicast, documentation, and IPv4 wrapped in IPv6 (NAT64, 6to4, mapped)."""
    with no_connection(), pytest.raises(FetchError, match=r"not public.*collecting\.private_networks"):
        get(f"http://{host}/", CLOSED)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://news.example/", "//news.example/", "http://"])
def test_nothing_but_the_web_is_asked(url: str):
    """No file of the machine, no other protocol."""
    with no_connection(), pytest.raises(FetchError):
        get(url, CLOSED)


@pytest.mark.parametrize(
    "inside", ["http://127.0.0.2:{port}/", "http://localhost:{port}/", "http://0x7f000002:{port}/"]
)
def test_a_redirect_leads_into_no_private_network(server: FeedServer, inside: str, monkeypatch: pytest.MonkeyPatch):
    """Each hop is checked: the allowed network here is 127.0.0.1 alone."""
    monkeypatch.setattr(bounds, "getaddrinfo", _resolver({"localhost": [["127.0.0.2"]]}))
    same = fetch.port_of(server.url("/")) or 0
    with tripwire("127.0.0.2", same) as port, pytest.raises(FetchError, match=r"127\.0\.0\.2.* in a network"):
        get(server.serve("/feed", b"", status=302, location=inside.format(port=port)))


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://news.example/x", "gopher://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://["],
)
def test_a_redirect_to_anything_but_the_web_is_refused(server: FeedServer, target: str):
    """Only http and https, and never with somebody's password."""
    with pytest.raises(FetchError) as refused:
        get(server.serve("/feed", b"", status=302, location=target))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("10.0.0.1", "10.0.0.1 is in a network"),
        ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1 leads to 10.0.0.1, which is in a network"),
        ("2130706433", "2130706433 leads to 127.0.0.1, which is in a network"),
    ],
)
def test_a_refused_address_is_named_as_people_write_it(host: str, words: str):
    """And where it leads, if that is not plain to see."""
    with pytest.raises(FetchError) as refused:
        fetch.get(f"http://{host}/feed", Collecting(), contact="https://post.example.com")
    assert str(refused.value).startswith(words)


def test_a_name_that_leads_to_both_is_refused(server: FeedServer, monkeypatch: pytest.MonkeyPatch):
    """One private address among the public ones is enough to keep away from all of them."""
    monkeypatch.setattr(bounds, "getaddrinfo", _resolver({"both.example": [["127.0.0.1", "127.0.0.2"]]}))
    port = int(server.url("").rpartition(":")[2])
    with pytest.raises(FetchError, match=r"both\.example leads to 127\.0\.0\.2"):
        get(f"http://both.example:{port}/")
    assert server.asked == []


def test_a_name_that_changes_its_mind_is_asked_once(server: FeedServer, monkeypatch: pytest.MonkeyPatch):
    """DNS rebinding: the address that was checked is the one that is connected to."""
    monkeypatch.setattr(bounds, "getaddrinfo", _resolver({"moving.example": [["127.0.0.1"], ["127.0.0.2"]]}))
    port = int(server.url("").rpartition(":")[2])
    server.serve("/feed", b"<rss/>")
    with tripwire("127.0.0.2", port):
        assert get(f"http://moving.example:{port}/feed").data == b"<rss/>"
    assert server.asked[0][1]["host"] == f"moving.example:{port}"


def _resolver(names: dict[str, list[list[str]]]) -> Any:
    """The resolver of a world in which `names` lead to these addresses, one answer after the other."""
    answers = {name: iter(found) for name, found in names.items()}

    def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host not in answers:
            return socket.getaddrinfo(host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers[host])]

    return getaddrinfo


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that no system knows."""
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> Collecting:
    """Bounds that know that authority."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return LOOPBACK.model_copy(update={"ca_file": file})


@contextmanager
def secured(authority: trustme.CA, name: str) -> Iterator[FeedServer]:
    """A server with a certificate for that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with FeedServer(certificate=context) as running:
        yield running


def test_a_secure_feed_is_asked_by_its_name_at_the_address_that_was_checked(
    authority: trustme.CA, trusting: Collecting, monkeypatch: pytest.MonkeyPatch
):
    """We connect to an address, but the certificate must be the name's."""
    monkeypatch.setattr(
        bounds, "getaddrinfo", _resolver({"news.example": [["127.0.0.1"]], "wrong.example": [["127.0.0.1"]]})
    )
    with secured(authority, "news.example") as server:
        port = fetch.port_of(server.serve("/feed", b"<rss/>"))
        assert get(f"https://news.example:{port}/feed", trusting).data == b"<rss/>"
        assert server.asked[0][1]["host"] == f"news.example:{port}"
        with pytest.raises(FetchError, match=r"can't be read: .*wrong\.example"):
            get(f"https://wrong.example:{port}/feed", trusting)
    assert len(server.asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: trustme.CA):
    """There is no key that turns checking off; a private authority is named in the config."""
    with secured(authority, "127.0.0.1") as server, pytest.raises(FetchError, match="certificate verify failed"):
        get(server.url("/feed"))


def test_a_secure_feed_does_not_lead_back_into_the_open(authority: trustme.CA, trusting: Collecting):
    """Anybody on the way could change what comes over http."""
    with secured(authority, "127.0.0.1") as server:
        url = server.serve("/feed", b"", status=301, location=server.url("/feed").replace("https", "http"))
        with pytest.raises(FetchError, match="from https back to http"):
            get(url, trusting)


def test_an_authority_that_is_no_file_is_named(tmp_path: Path):
    """The operator's slip, in the operator's words."""
    (tmp_path / "empty.pem").write_text("")
    for name in ("nowhere.pem", "empty.pem"):
        with pytest.raises(FetchError, match=rf"{name} \(collecting\.ca_file\) can't be used"):
            get("https://127.0.0.1:1/", LOOPBACK.model_copy(update={"ca_file": tmp_path / name}))
