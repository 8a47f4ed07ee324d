"""The whole table at the level of the ledger: what goes wrong at which stage, and what the rows say afterwards."""

from pathlib import Path

import pytest
import trustme

from newsletter.database import Database
from newsletter.delivery import line
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.delivery.replies import Stage
from newsletter.errors import RelayDown
from newsletter.issues.models import IssueState
from tests.delivery.desks import Desk
from tests.sink import HANG_UP, SILENCE, Sink

pytestmark = pytest.mark.slow
TEMPORARY = ["421 4.3.2 closing", "450 4.2.1 busy", "451 4.7.1 greylisted", "452 4.2.2 full"]
PERMANENT = ["550 5.1.1 nobody", "552 5.2.2 full", "554 5.7.1 no"]
GONE = [HANG_UP, SILENCE]
OPENING = ("banner", "EHLO", "STARTTLS", "AUTH")
QUEUED, DEFERRED, FAILED, UNCERTAIN = (
    DeliveryState.QUEUED,
    DeliveryState.DEFERRED,
    DeliveryState.FAILED,
    DeliveryState.UNCERTAIN,
)

# stage → what becomes of the delivery on a temporary refusal, a permanent one, and silence or a broken connection
TABLE = dict.fromkeys((*OPENING, "MAIL"), (QUEUED, QUEUED, QUEUED))
TABLE |= {"RCPT": (DEFERRED, FAILED, QUEUED), "DATA": (DEFERRED, FAILED, QUEUED), "dot": (DEFERRED, FAILED, UNCERTAIN)}
BUT = {  # 421 says nothing of the reader; 552 at RCPT is "too many recipients" of old servers (RFC 5321 §4.5.3.1.10)
    ("RCPT", TEMPORARY[0]): DeliveryState.ACCEPTED,  # others were taken, so the run goes on and tries it once more
    ("DATA", TEMPORARY[0]): QUEUED,
    ("RCPT", PERMANENT[1]): DEFERRED,
}


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A relay's certificate and its authority's."""
    folder, authority = tmp_path_factory.mktemp("papers"), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "relay"))
    authority.cert_pem.write_to_path(str(folder / "authority"))
    return folder / "relay", folder / "authority"


@pytest.mark.parametrize("stage", TABLE)
@pytest.mark.parametrize("trouble", [*TEMPORARY, *PERMANENT, *GONE])
def test_trouble_at_a_stage_leaves_the_delivery_where_the_table_says(
    sqlite: Database, tmp_path: Path, papers: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch,
    stage: str, trouble: str,
):  # fmt: skip
    """One of three readers meets it once (the first, if it is silence: then no answer that comes has to come in a
    hurry); nobody is charged for the relay's trouble; the run ends, nothing is lost."""
    if trouble == SILENCE:
        monkeypatch.setitem(line.TIMEOUTS, Stage.DOT if stage == "dot" else Stage(stage), 0.5)
    desk = Desk(sqlite, tmp_path)
    desk.readers(3)
    has_login, who = stage in OPENING, 1 if trouble == SILENCE else 2
    sink = Sink(certificate=papers[0], features=("AUTH PLAIN",))
    sink.refuse = lambda at, _word: trouble if at == stage and (has_login or sink.nth == who) else None
    with sink:
        config = desk.config(sink, connections=1)
        smtp = config.smtp.model_copy(
            update={"security": "starttls", "ca_file": papers[1], "username": "daily" if has_login else ""}
        ).settled(tmp_path, "open sesame")
        monkeypatch.setattr(desk, "config", lambda _sink, **_more: config.model_copy(update={"smtp": smtp}))
        try:
            totals = desk.send(sink, rests=())
        except RelayDown:
            totals = desk.totals()
    with sqlite.reading() as session:
        row = session.get_one(Delivery, who)  # they go out by number
    kind = 0 if trouble in TEMPORARY else 1 if trouble in PERMANENT else 2
    wanted = BUT.get((stage, trouble), TABLE[stage][kind])
    assert row.state is wanted
    assert row.attempts == (wanted is not QUEUED)
    assert totals.selected == 3
    assert totals.in_hand == totals.skipped == 0
    assert len(sink.taken) == totals.accepted
    is_ours = stage in (*OPENING, "MAIL") and trouble in PERMANENT
    assert (desk.issue().state is IssueState.PAUSED) == is_ours
