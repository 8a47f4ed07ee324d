"""A stranger's text and addresses, made harmless once, at the door. All of it is pure.

`body` lets an allow-list of HTML through, `text_of` turns HTML into plain text, `line` tidies what is plain text,
`canonical_url` is the address by which two copies of an article are known to be one.
"""

import html
import re
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import nh3

# The longest that is kept, in characters; the store's columns are at least as wide.
TITLE, STANDFIRST, AUTHOR, ALT, SECTION, BODY, URL = 300, 600, 200, 500, 300, 200_000, 2000

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre"),
    *("a", "em", "strong", "b", "i", "s", "sub", "sup", "code"),
}
# These go with all that is in them. A caption goes too: its picture does, and would leave a sentence about nothing.
DROPPED_WHOLE = {
    *("script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "select", "textarea"),
    *("button", "audio", "video", "figcaption"),
}


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BOXES = _names(
    "div section article main header footer aside nav figure center address table tr dl dt dd form fieldset details"
)
_ENDS_ITSELF = _names("p li br hr img input meta link source wbr area col embed param track")
_BLOCKS = _BOXES | _names("p br hr li ul ol h1 h2 h3 h4 h5 h6 blockquote pre td th")
_MAX_DEPTH = 40
_TAG = re.compile(
    r"""<(/?)([a-zA-Z][a-zA-Z0-9:-]*)((?:[^<>"']|"[^"]{0,4000}"|'[^']{0,4000}')*)>|<[!?][^<>]*>|<""",
)
_HEADING = re.compile(r"<(/?)h[1-6]>")
_EMPTY = re.compile(r"<(p|h3|li|ul|ol|blockquote|a)>(?:\s|&nbsp;|<br>)*</\1>")
_DEAD_LINK = re.compile(r"<a>(.*?)</a>", re.DOTALL)
_ANY_BLOCK = re.compile(r"<(?:p|h3|ul|ol|blockquote|pre)>")
_BLOCK_END = re.compile(r"(</(?:p|h3|ul|ol|blockquote|pre)>)\s*")
_PARAGRAPH_BREAK = re.compile(r"(?:<br>\s*){2,}|\n\s*\n")

# Controls, soft hyphens, zero-width spaces, half surrogates, and the marks that turn a line of text around (a headline
# must not be able to spell another one backwards). LRM, RLM and the joiners stay: Arabic, Persian and emoji need them.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\u202a-\u202e\u2066-\u2069"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_SIGN_UP = re.compile(
    r"(?:^|[,.!?:;–—-]\s+)(?:please\s+)?(?:sign up|subscribe|register|join)\b.*"
    r"\b(?:newsletters?|e-?mails?|bulletin|inbox|briefing|mailing list|digest|updates)\b",
    re.IGNORECASE,
)
_INLINE_TAG = re.compile(r"</?(?:a|em|strong|b|i|s|sub|sup|code)\b[^<>]*>")
_ANY_TAG = re.compile(r"<[^<>]*>")
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

_TRACKING_PREFIXES = ("utm_", "at_", "ns_", "pk_", "mtm_", "hsa_", "mc_", "_hs", "wt.", "oly_", "vero_")
_TRACKING_NAMES = _names(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid igshid mkt_tok ito cmp cmpid ocid ncid "
    "sr_share smid xtor s_cid icid taid guccounter feedtype"
)
_SAID_BY_FEEDS = _names("ref src source partner emc mod feed from via medium output")  # where the value is rss…
_NAMES_ARTICLES = re.compile(
    r"(?!sid=|cid=|uid=|[a-z_]*sess)(?:[a-z_-]*id|p|v|article|story|page|day|date|edition)=", re.IGNORECASE
)
_OF_AN_ARTICLE = re.compile(r"\d{5}|(?:[^-_]+[-_]){3}|^(?=.*\d)(?=.*[A-Za-z])\w{6,}$")
_ESCAPED_AMPERSAND = re.compile("&(?:amp;)+")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*(?:[a-z]+|xn--[a-z0-9-]+)\.?")
_SAFE_IN_PATH, _SAFE_IN_QUERY = "%/:@!$&'()*+,;=~", "%/:@!$&'()*+,;=~?[]|"


def printable(value: str) -> str:
    """`value` without what no reader can see and no database will store."""
    return _UNWANTED.sub("", value)


def line(value: str, limit: int) -> str:
    """Plain text on one line, its whitespace folded, at most `limit` characters."""
    return clipped(" ".join(printable(value).split()), limit)


def text_of(value: str, limit: int) -> str:
    """The plain text of an HTML fragment on one line, at most `limit` characters.

    It looks until nothing changes, because feeds escape twice: "&amp;amp;lt;b>" is somebody's <b>.
    """
    text = printable(value)[: max(20 * limit, 10_000)]
    for _ in range(4):
        plain = nh3.clean(_levelled(text), tags=set(), clean_content_tags=DROPPED_WHOLE, attributes={})
        before, text = text, html.unescape(plain)
        if text == before:
            break
    return line(text, limit)


def clipped(text: str, limit: int) -> str:
    """At most `limit` characters, cut between two words, with "…" where something is missing."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    whole_words, _, _ = head.rpartition(" ")
    return (whole_words if len(whole_words) > limit // 2 else head).rstrip(" ,;:–—-") + "…"


def body(value: str, base: str = "") -> str:
    """Clean HTML: paragraphs, lists, quotes, h3 and links, fit for mail and pages. Relative links begin at `base`.

    No attribute but a link's address survives, no picture (it could count readers), no table, no script.
    """
    cleaned = nh3.clean(
        _levelled(printable(value)[:BODY]),
        tags=TAGS,
        clean_content_tags=DROPPED_WHOLE,
        attributes={"*": set(), "a": {"href"}},
        attribute_filter=lambda _tag, _name, address: _link(address, base),
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    visible = printable(cleaned)  # once more: "&#1;" has only now become what it stands for
    return in_paragraphs(_DEAD_LINK.sub(r"\1", _without_empties(_HEADING.sub(r"<\1h3>", visible))))


def in_paragraphs(cleaned: str) -> str:
    """Clean HTML in blocks: bare text becomes paragraphs, at blank lines and double line breaks."""
    if _ANY_BLOCK.search(cleaned):
        return _BLOCK_END.sub(r"\1\n", cleaned).strip()
    parts = (part.strip() for part in _PARAGRAPH_BREAK.split(cleaned))
    return "\n".join(f"<p>{part}</p>" for part in parts if part)


def opening(cleaned: str, limit: int) -> str:
    """The text of the first paragraph of a clean body."""
    first = re.search(r"<p>(.*?)</p>", cleaned, re.DOTALL)
    return text_of(first[1] if first else cleaned, limit)


def word_count(cleaned: str) -> int:
    """The words of a clean body, for reading times. Two Chinese or Japanese characters count as one word."""
    text = html.unescape(_ANY_TAG.sub(" ", _INLINE_TAG.sub("", cleaned)))
    characters = len(_EAST_ASIAN.findall(text))
    return len(_EAST_ASIAN.sub(" ", text).split()) + characters // 2


def without_sign_up(paragraphs: list[str]) -> list[str]:
    """The paragraphs without closing ones that ask the reader to sign up for something by mail."""
    end = len(paragraphs)
    while end and len(paragraphs[end - 1]) <= 200 and _SIGN_UP.search(paragraphs[end - 1].strip()):
        end -= 1
    return paragraphs[:end]


def web_url(value: str, base: str = "") -> str:
    """`value` as an absolute http or https address, percent-encoded, or "" where it is none or too long."""
    text = _ESCAPED_AMPERSAND.sub("&", printable(value).strip())
    if not text:
        return ""  # joined to `base` it would be the base itself
    try:
        parts = urlsplit(urljoin(base, text))
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    usual = port is None or (parts.scheme, port) in (("http", 80), ("https", 443))
    url = urlunsplit(
        (
            parts.scheme,
            host if usual else f"{host}:{port}",
            quote(parts.path or "/", safe=_SAFE_IN_PATH),
            quote(parts.query, safe=_SAFE_IN_QUERY),
            quote(parts.fragment, safe=_SAFE_IN_QUERY),
        )
    )
    return url if len(url) <= URL else ""


def picture_place(words: str, base: str) -> str:
    """An address on the web, or a path as it stands: `pictures` looks whether it may be read."""
    if re.match(r"(?i)https?://|//", words.strip()):
        return web_url(words, base)
    return printable(words).strip()


def canonical_url(value: str, base: str = "") -> str:
    """The address of an article without what only says where its reader came from; "" where it is no web address."""
    parts = urlsplit(web_url(value, base))
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _is_tracking(pair))
    return urlunsplit(parts._replace(query=query, fragment=""))


def page_of(url: str) -> str:
    """What stays of an address when a site changes over to https, drops its www., or counts its readers anew."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("amp.")
    path = parts.path.removesuffix("/amp").removesuffix("/index.html").rstrip("/")
    naming = sorted(pair for pair in parts.query.split("&") if _NAMES_ARTICLES.match(pair))
    query = f"?{'&'.join(naming)}" if naming else ""
    return f"{host}{path}{query}" if path or query else ""


def names_one_article(page: str) -> bool:
    """Whether a page is hardly a section's or a script's: its last part is a long number, many words, or a token."""
    return "?" in page or bool(_OF_AN_ARTICLE.search(page.rpartition("/")[2]))


def _is_tracking(pair: str) -> bool:
    name, _, value = pair.lower().partition("=")
    return (
        name in _TRACKING_NAMES
        or name.startswith(_TRACKING_PREFIXES)
        or (name in _SAID_BY_FEEDS and value.startswith("rss"))
    )


def _host(name: str) -> str:
    """The host as DNS writes it, or "" where no such name can be ("a57.example.com60")."""
    if ":" in name:
        return f"[{ip_address(name).compressed}]"
    ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    if _HOST.fullmatch(ascii_name):
        return ascii_name
    return str(ip_address(ascii_name))


def _link(address: str, base: str) -> str | None:
    if address.strip().lower().startswith("mailto:"):
        return printable(address).strip()
    return web_url(address, base) or None


def _levelled(value: str) -> str:
    """HTML with its boxes turned into paragraphs, a space around blocks, and nothing nested deeper than 40.

    Deep nesting costs a parser the square of its depth: 100,000 open <div>s took 48 s. This is no cleaning: what comes
    out is as hostile as what went in, and goes through the allow-list next.
    """
    first, *rest = value.split("<!--")
    return _TAG.sub(_Leveller(), "".join([first, *(part.partition("-->")[2] for part in rest)]))


class _Leveller:
    """Answers for one tag after another, and remembers which are open."""

    def __init__(self) -> None:
        self.open: list[str] = []

    def __call__(self, tag: re.Match[str]) -> str:
        if tag[2] is None:
            return "" if len(tag[0]) > 1 else "&lt;"
        name = tag[2].lower()
        edge = " " if name in _BLOCKS else ""
        if name in ("td", "th"):
            return edge
        name = "p" if name in _BOXES else name
        kept = self._closes(name) if tag[1] else self._opens(name)
        if not kept:
            return edge
        return f"</{name}>{edge}" if tag[1] else f"{edge}<{name}{tag[3]}>"

    def _opens(self, name: str) -> bool:
        if name not in _ENDS_ITSELF or (name in ("p", "li") and self.open[-1:] != [name]):
            if len(self.open) >= _MAX_DEPTH:
                return False
            self.open.append(name)
        return True

    def _closes(self, name: str) -> bool:
        if name not in self.open:
            return name == "p"
        while self.open.pop() != name:
            pass
        return True


def _without_empties(cleaned: str) -> str:
    """Emptied boxes leave empty paragraphs, and those empty lists; five rounds are more than people nest."""
    for _ in range(5):
        fuller = _EMPTY.sub("", cleaned)
        if fuller == cleaned:
            break
        cleaned = fuller
    return cleaned
