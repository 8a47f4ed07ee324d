"""Unsigned messages to smtp-sink, ledger and personalisation on."""

from benchmarks import project
from benchmarks.harness import Ratio, Setting, measured, smtp_sink, smtp_source

READERS = 40_000  # so that the tenth of a second at the beginning and end of a send counts for little
CONNECTIONS = 8


def ratios(setting: Setting) -> list[Ratio]:
    """Us against Postfix's load generator, and against a plain smtplib loop that builds nothing."""
    readers = setting.size(READERS)
    prepared = project.prepared(setting.folder, readers)
    to_source, to_smtplib, cpu = [], [], []
    with smtp_sink() as port:
        for number in range(setting.rounds):
            with project.copy(prepared, setting.folder / str(number)) as (url, folder):
                ours = measured("sending", url=url, folder=folder, port=port, connections=CONNECTIONS)
            rate = ours["messages"] / ours["seconds"]
            cpu.append(ours["cpu"] / ours["messages"])
            to_source.append(rate / smtp_source(port, readers))
            plain = measured("plain_smtplib", port=port, count=readers // 2, connections=CONNECTIONS)
            to_smtplib.append(rate * plain["seconds"] / plain["messages"])
    note = f"{CONNECTIONS} connections, SQLite, {min(cpu) * 1e6:.0f} µs of CPU a message"
    return [
        Ratio("unsigned, against smtp-source -d -s 8", tuple(to_source), 1.0, note=note),
        Ratio("unsigned, against smtplib in 8 threads", tuple(to_smtplib), 2.5, note="smtplib builds nothing"),
    ]
