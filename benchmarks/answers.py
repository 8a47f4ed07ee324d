"""How long the sign-up form's answer takes for addresses that the store knows, forbids, or has never met.

Whoever measures it must not learn who reads what. The three kinds are asked for in turns; what counts is the time of
the processor until the answer is out, for the clock on the wall says more about the machine's other guests.
"""

import statistics
from time import process_time
from typing import Any

from starlette.testclient import TestClient

from benchmarks.harness import Ratio, Setting
from benchmarks.project import KEY, NOW, a_config
from newsletter.database import Database
from newsletter.web.app import create_app
from subscribers import Proof, SuppressionReason, signup, suppression
from subscribers.tokens import Keys, Purpose, sign

EACH = 500
KINDS = ("known", "suppressed", "unknown")
AT_MOST = 1.05  # of what an unknown one takes
KEYS = Keys((KEY.encode(),))
NO_CAPS = "[sign_up]\nnetwork_an_hour = 1000000\nsite_an_hour = 1000000\n"


def ratios(setting: Setting) -> list[Ratio]:
    """The median time of a known and of a suppressed address, and the slowest twentieth's, against an unknown one's."""
    each = setting.size(EACH)
    database = Database(f"sqlite:///{setting.folder / 'answers.db'}")
    database.upgrade()
    with database.transaction() as session:
        for n in range(each):
            signup.add(session, KEYS, "daily", f"known{n}@example.com", Proof("they said so"), NOW)
            address = f"suppressed{n}@example.com"
            suppression.suppress_address(session, KEYS, address, SuppressionReason.COMPLAINT, "", NOW)
    took = _took(setting, database, each)
    database.close()
    found = []
    for name, part in (("median", 50), ("slowest twentieth", 95)):
        at = {kind: statistics.quantiles(times, n=100)[part - 1] for kind, times in took.items()}
        note = ", ".join(f"{kind} {at[kind] * 1000:.2f} ms" for kind in KINDS)
        larger = max(at["known"], at["suppressed"]) / at["unknown"]
        smaller = min(at["known"], at["suppressed"]) / at["unknown"]
        apart = max(larger, 1 / smaller)
        found.append(Ratio(f"a sign-up's answer, {name}", (apart,), AT_MOST, at_least=False, note=note))
    return found


def _took(setting: Setting, database: Database, each: int) -> dict[str, list[float]]:
    """Seconds of the processor until each answer was out, by kind."""
    app = create_app(a_config(setting.folder, 25, 1, NO_CAPS), database, clock=lambda: NOW, sends_notices=False)
    answered: list[float] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.append(process_time())

        await app(scope, receive, noting)

    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    form = sign(KEYS, Purpose.FORM, int(NOW.timestamp()) - 60)
    with TestClient(watched, base_url="https://post.example.com") as client:
        for n in range(each):
            for kind in KINDS:
                began = process_time()
                answer = client.post("/subscribe", data={"email": f"{kind}{n}@example.com", "form": form})
                assert answer.status_code == 200, answer.text
                took[kind].append(answered[-1] - began)
    return took
