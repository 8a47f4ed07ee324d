"""A relay that is 50 ms away, over four connections."""

from benchmarks import project
from benchmarks.harness import Ratio, Setting, measured, slow_line, smtp_sink

MILLISECONDS = 50  # each way
CONNECTIONS = 4
READERS = 600


def ratios(setting: Setting) -> list[Ratio]:
    """Us against smtplib, which waits for four round trips a message."""
    found = []
    prepared = project.prepared(setting.folder, setting.size(READERS))
    with smtp_sink() as far, slow_line(far, MILLISECONDS) as port:
        for number in range(setting.rounds):
            with project.copy(prepared, setting.folder / str(number)) as (url, folder):
                ours = measured("sending", url=url, folder=folder, port=port, connections=CONNECTIONS)
            plain = measured("plain_smtplib", port=port, count=setting.size(READERS) // 4, connections=CONNECTIONS)
            found.append(ours["messages"] / ours["seconds"] * plain["seconds"] / plain["messages"])
    return [
        Ratio(f"{MILLISECONDS} ms each way, against smtplib", tuple(found), 3.5, note=f"{CONNECTIONS} connections each")
    ]
