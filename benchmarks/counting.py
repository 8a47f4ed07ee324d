"""What counting links adds to a message: filled for one reader after another, with thirty links that lead by our door
and with the same links straight. Unsigned, on one core and in CPU time, in turns.
"""

from pathlib import Path
from time import process_time

from benchmarks.harness import MESSAGE_BYTES, Ratio, Setting
from benchmarks.signing import CONFIG, KEYS, NOW
from newsletter import config
from newsletter.delivery import message
from newsletter.delivery.message import Mould
from newsletter.rendering import slots
from newsletter.rendering.counted import Link, laid_in

LINKS = 30
MESSAGES = 20_000
A_TURN = 500
MOST = 2.0  # times the CPU time of a message whose links are straight


def ratios(setting: Setting) -> list[Ratio]:
    """CPU time of a message with counted links over that of one without; the note has both in microseconds."""
    straight, counting = _moulds(setting.folder)
    rounds = [_round(straight, counting, setting.size(MESSAGES)) for _ in range(setting.rounds)]
    plain, counted = (min(one[place] for one in rounds) * 1e6 for place in (0, 1))
    note = f"{LINKS} links, each in both parts; {plain:.1f} µs of CPU without, {counted:.1f} with, unsigned"
    return [Ratio("a message with counted links", tuple(c / p for p, c in rounds), MOST, at_least=False, note=note)]


def _round(straight: Mould, counting: Mould, count: int) -> tuple[float, float]:
    """CPU seconds of one message of each."""
    seconds = [0.0, 0.0]
    for number in range(0, count, A_TURN):
        for place, mould in enumerate((straight, counting)):
            seconds[place] += _filled(mould, range(number, number + A_TURN))
    return seconds[0] / count, seconds[1] / count


def _filled(mould: Mould, readers: range) -> float:
    start = process_time()
    fill = mould.filler(KEYS, NOW)
    for number in readers:
        fill(number, number, number, f"reader{number}@example.com", f"Ann {number}")
    return process_time() - start


def _moulds(folder: Path) -> tuple[Mould, Mould]:
    """A message of 20 kB with straight links, and the same with counted ones."""
    tables = CONFIG.partition("[[dkim]]")[0] + "clicks = true\n"
    settings = config.parse(tables, folder / "config.toml", config.Secrets(secret_key=KEYS.secrets[0].decode()))
    paper = settings.newsletters[0]
    to = [f"https://news.example.com/2026/11/23/story-{number}" for number in range(LINKS)]
    prose = "The boat is back, and the quay is full of people. " * (MESSAGE_BYTES // LINKS // 70)
    html = f"<p>Good morning, {slots.NAME}.</p>" + "".join(f'<p>{prose}<a href="{url}">Read on</a></p>' for url in to)
    text = "".join(f"The boat is back.\n{url}\n" for url in to) + f"https://post.example.com/u/{slots.UNSUBSCRIBE}\n"
    links = [Link(number, url, "The boat is back", "City", "story") for number, url in enumerate(to, 1)]
    both = ((html, text), laid_in(html, text, links, settings.site))
    straight, counting = (message.mould(settings.site, paper, 1, "The boat is back", *parts) for parts in both)
    return straight, counting
