"""One polite GET: conditional, bounded in bytes and seconds, and never into a private network.

httpx2 bounds each single read; `bounds` bounds the whole, or a server that drips would keep us for ever. Where a fetch
may lead is checked there too, and `wire` connects to nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newsletter.config import Collecting
from newsletter.errors import AskedToWait, FetchError, Gone
from newsletter.sources import manners
from newsletter.sources.bounds import Bounds

if TYPE_CHECKING:
    import httpx2

MAX_REDIRECTS = 5
PERMANENT = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT)
LONGEST_ETAG, LONGEST_DATE = 500, 100  # the store's columns
FEEDS = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


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
    bounds = Bounds(collecting)
    headers = {"Accept": accept}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": last_modified} if last_modified else {}
    with _asked("GET", url, headers, bounds, contact, also_port) as response:
        return _answer(response, bounds, asked_conditionally=bool(etag or last_modified))


def status(url: str, collecting: Collecting, *, contact: str) -> int:
    """What `url` answers, 200 or 404, without its body: to HEAD, and to GET where HEAD is not liked.

    Raises FetchError where there is no answer at all.
    """
    bounds = Bounds(collecting)
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
    method: str, url: str, headers: dict[str, str], bounds: Bounds, contact: str, also_port: int | None
) -> Iterator["httpx2.Response"]:  # fmt: skip
    """The answer with its body still to come. Everything that goes wrong, also while it is read, is a FetchError."""
    import httpcore2  # slow to import, and most commands fetch nothing
    import httpx2

    from newsletter.sources.wire import Transport

    headers = headers | {
        "User-Agent": f"newsletter/{version('newsletter')} (+{contact})",
        "Accept-Encoding": "gzip, deflate",
    }
    try:
        with (
            httpx2.Client(
                transport=Transport(bounds, also_port),
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


def _answer(response: "httpx2.Response", bounds: Bounds, *, asked_conditionally: bool) -> Fetched:
    headers = response.headers
    unchanged = response.status_code == HTTPStatus.NOT_MODIFIED and asked_conditionally
    if not unchanged and response.status_code != HTTPStatus.OK:
        raise _refusal(response.status_code, headers.get("retry-after", "").strip()[:40])
    return Fetched(
        data=None if unchanged else _body(response, bounds),
        url=str(response.url),
        content_type=headers.get("content-type", ""),
        etag=_kept(headers.get("etag", ""), LONGEST_ETAG),
        last_modified=_kept(headers.get("last-modified", ""), LONGEST_DATE),
        moved_to=_moved_to(response),
        rest=manners.lifetime(headers),
    )


def _moved_to(response: "httpx2.Response") -> str:
    """Where the permanent redirects lead with which the chain begins; "" where it begins with none."""
    chain = [*response.history, response]
    steps = next(n for n, hop in enumerate(chain) if hop.status_code not in PERMANENT)
    return str(chain[steps].url) if steps else ""


def _body(response: "httpx2.Response", bounds: Bounds) -> bytes:
    """The unpacked body. httpx2 unpacks at most 1 MiB at a time, so a gzip bomb is met before it has gone off."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > bounds.max_bytes:
            raise bounds.too_large()
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


def _plainly(error: BaseException) -> str:
    """The system's words without its numbers, however deep a library has wrapped them; else what the error says."""
    cause: BaseException | None = error
    while cause is not None and not getattr(cause, "strerror", None):
        cause = cause.__cause__ or cause.__context__
    words = str(getattr(cause, "strerror", "") or error) or type(error).__name__
    return words.strip().rstrip(".")[:200]
