"""One measured send of a prepared project, in a process of its own: the whole path from claim to record."""

import argparse
import json
from pathlib import Path

from benchmarks.harness import timed
from benchmarks.project import NOW, a_config
from newsletter.config import Config
from newsletter.database import Database
from newsletter.delivery import ledger, plan, send
from newsletter.delivery.lanes import Lanes
from newsletter.issues.models import Issue


def main() -> None:
    """Draw the audience, send the issue, print seconds, CPU and peak memory of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, default=25, help="of the relay; 0: only draw the audience")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--tables", default="", help="more of config.toml")
    wanted = parser.parse_args()
    config = a_config(wanted.folder, wanted.port or 25, wanted.connections, wanted.tables)
    database = Database(wanted.url)
    drawing = timed(lambda: _draw(database, config))
    if not wanted.port:
        print(json.dumps({"drawing": drawing["seconds"]}))
        return
    totals: list[ledger.Totals] = []
    sending = timed(lambda: totals.append(_send(database, config)))
    assert totals[0].accepted == totals[0].selected, totals
    print(json.dumps(sending | {"drawing": drawing["seconds"], "messages": totals[0].accepted}))


def _draw(database: Database, config: Config) -> None:
    with database.reading() as session:
        issue = session.get_one(Issue, 1)
    plan.draw(database, issue, NOW, Lanes.of(config, config.newsletters[0]).by_domain)


def _send(database: Database, config: Config) -> ledger.Totals:
    return send.send(database, config, config.newsletters[0], 1, clock=lambda: NOW, who="bench")


if __name__ == "__main__":
    main()
