"""What a signed message costs beside its signature.

Fill the mould for one reader after another and sign, against the RSA signatures alone. Both on one core and in CPU
time, so that what else the machine does counts for neither.
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.harness import MESSAGE_BYTES, Ratio, Setting
from newsletter import config
from newsletter.delivery import dkim, message
from newsletter.rendering import slots
from subscribers.tokens import Keys

SIGNATURES = 2000
A_TURN = 50
HEADERS_BYTES = 1200  # what one signature of ours covers
WANTED = 0.8
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
KEYS = Keys((b"0123456789abcdef0123456789abcdef",))
CONFIG = """
[site]
name = "The Harbour Post"
url = "https://post.example.com"
postal_address = "1 Quay Street, Harbourton"
[smtp]
[[newsletters]]
slug = "daily"
title = "The Harbour Daily"
sender = "The Harbour Post <daily@example.com>"
[[dkim]]
domain = "example.com"
selector = "bench"
key_file = "bench.pem"
"""


def ratios(setting: Setting) -> list[Ratio]:
    """Signed messages a second of one core, over RSA-2048 signatures a second of `cryptography` alone."""
    with TemporaryDirectory(dir=setting.folder) as folder:
        mould = _mould(Path(folder))
    values = tuple(_round(mould, setting.size(SIGNATURES)) for _ in range(setting.rounds))
    return [Ratio("built and signed, over RSA-2048 alone, one core", values, WANTED)]


def _round(mould: message.Mould, count: int) -> float:
    """In short turns: a guest on the machine slows both alike."""
    alone = signed = 0.0
    for _ in range(0, count, A_TURN):
        alone += _signatures(mould.signer.keys[0], A_TURN)
        signed += _messages(mould, A_TURN)
    return alone / signed


def _mould(folder: Path) -> message.Mould:
    """A message of 20 kB with links and a name for each reader, and a new key."""
    (folder / "bench.pem").write_bytes(dkim.new_key("rsa"))
    settings = config.parse(CONFIG, folder / "config.toml", config.Secrets())
    links = " ".join(f"https://post.example.com/u/{mark}" for mark in (slots.UNSUBSCRIBE, slots.PREFERENCES))
    text = f"Good morning, {slots.NAME}.\n" + "The boat is back.\n" * 200 + links
    html = f"<p>Good morning, {slots.NAME}.</p>{links}" + "<p>The boat is back.</p>\n" * (MESSAGE_BYTES // 32) + links
    return message.mould(settings.site, settings.newsletters[0], 1, "The boat is back", html, text)


def _signatures(key: dkim.Key, count: int) -> float:
    """CPU seconds of so many signatures."""
    data = b"x" * HEADERS_BYTES
    start = process_time()
    for _ in range(count):
        key.sign(data)
    return process_time() - start


def _messages(mould: message.Mould, count: int) -> float:
    """CPU seconds of so many messages, each another reader's."""
    start = process_time()
    fill = mould.filler(KEYS, NOW)
    for number in range(count):
        fill(number, number, number, f"reader{number}@example.com", f"Ann {number}")
    return process_time() - start
