"""Messages signed with RSA-2048: the signature should be what takes the time."""

from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks import project
from benchmarks.harness import Ratio, Setting, measured, smtp_sink

READERS = 10_000
SIGNATURES = 2000  # of one measurement of the reference


def ratios(setting: Setting) -> list[Ratio]:
    """Us, one sender, against the signatures that `cryptography` alone makes on one core."""
    prepared = project.prepared(setting.folder, setting.size(READERS))
    found = []
    with smtp_sink() as port:
        for number in range(setting.rounds):
            before = _signatures_a_second()
            with project.copy(prepared, setting.folder / str(number)) as (url, folder):
                tables = project.signing_key(folder)
                ours = measured("sending", url=url, folder=folder, port=port, connections=8, tables=tables)
            alone = (before + _signatures_a_second()) / 2
            found.append(ours["messages"] / ours["seconds"] / alone)
    return [Ratio("RSA-2048 signed, against signatures alone", tuple(found), 0.8, note="one sender")]


def _signatures_a_second() -> float:
    key = generate_private_key(65537, 2048)
    padding, digest = PKCS1v15(), SHA256()
    start = perf_counter()
    for _ in range(SIGNATURES):
        key.sign(b"x" * 900, padding, digest)
    return SIGNATURES / (perf_counter() - start)
