"""What only others can say: whether pages and pictures are there, and what SpamAssassin thinks of the mail.

Somebody else's fault or a machine without a network must not stop an issue, so these rules warn, and where nobody could
be asked, they say so in a note. Links are asked side by side, each through the same careful fetcher as the feeds.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from newsletter.config import Collecting
from newsletter.errors import FetchError
from newsletter.rendering.preflight.findings import Answer, Case, Fault, host_of, is_web
from newsletter.sources import fetch

SIDE_BY_SIDE = 16
MOST_LINKS = 120
SECONDS = 10.0  # for one link
SPAM_POINTS = 2.0  # 5 is spam; a clean mail has less than 1
SPAMASSASSIN_SECONDS = 90
GONE = (404, 410)
_STATUS = re.compile(r"^X-Spam-Status:.*?score=(-?[\d.]+).*?tests=(.*?)(?:autolearn|\n\S)", re.MULTILINE | re.DOTALL)


def ask(case: Case) -> dict[str, Answer]:
    """What the pages and pictures of others answer, by address; our own come up with the issue."""
    bounds = case.collecting.model_copy(update={"timeout_seconds": min(SECONDS, case.collecting.timeout_seconds)})
    pictures = (str(picture.get("src", "")) for picture in case.pictures)
    wanted = [a for a in dict.fromkeys([*case.links, *pictures]) if is_web(a) and host_of(a) not in ("", case.host)]
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE, thread_name_prefix="link") as threads:
        answers = threads.map(lambda link: _answer(link, bounds, case.site_url), wanted[:MOST_LINKS])
        return dict(zip(wanted, answers, strict=False))


def dead_link(case: Case) -> Iterator[Fault]:
    if _nobody_answered(case):
        return  # that says something of us, not of them
    for link, answer in (case.answers or {}).items():
        if answer.status in GONE or not answer.status:
            why = f"It answers {answer.status}." if answer.status else answer.why
            yield Fault(f"Readers will not find this. {why} Mend the link, or drop the story.", link[:200])


def not_looked(case: Case) -> Iterator[Fault]:
    if case.answers is not None and shutil.which("spamassassin") is None:
        yield Fault("SpamAssassin is not installed, so no spam filter was asked. Install it to know.", "message")
    if _nobody_answered(case):
        yield Fault("No link could be reached from here, so none was checked. Look at the network.", "links")


def spam_score(case: Case) -> Iterator[Fault]:
    """What SpamAssassin says, where it is installed."""
    program = shutil.which("spamassassin")
    if program is None or case.message is None or case.answers is None:
        return
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the mail goes in as bytes
            [program, "--local", "--test-mode"], input=case.message.as_bytes(), capture_output=True,
            timeout=SPAMASSASSIN_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return
    match = _STATUS.search(done.stdout.decode("utf-8", "replace"))
    if match and float(match[1]) >= SPAM_POINTS:
        tests = ", ".join(match[2].replace(",", " ").split())
        yield Fault(f"SpamAssassin gives {match[1]} points, and 5 are spam. Look at what it names: {tests}.", "message")


def _answer(link: str, bounds: Collecting, contact: str) -> Answer:
    try:
        return Answer(fetch.status(link, bounds, contact=contact))
    except FetchError as error:
        return Answer(0, str(error))


def _nobody_answered(case: Case) -> bool:
    return bool(case.answers) and not any(answer.status for answer in (case.answers or {}).values())
