"""Slips of the finger in big providers' names are found, and nobody's own domain is taken for one."""

import pytest

from subscribers.slips import PROVIDERS, REAL, meant


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gamil.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yaho.com", "yahoo.com"),
        ("iclould.com", "icloud.com"),
        ("t-onlin.de", "t-online.de"),
        ("wanado.fr", "wanadoo.fr"),
    ],
)
def test_a_slip_is_found(written, right):
    """One key too many, one missing, a wrong one, two swapped."""
    assert meant(f"ann@{written}") == f"ann@{right}"


@pytest.mark.parametrize(
    "domain", [*sorted(REAL), "example.com", "a.de", "mailbox.org", "gmail.example.com", "posteo.de"]
)
def test_a_good_name_is_left_alone(domain):
    """Providers themselves, their neighbours, and everybody else."""
    assert meant(f"ann@{domain}") is None


def test_providers_are_not_each_others_slips():
    """Whoever writes one of them meant it."""
    assert set(PROVIDERS) <= REAL
