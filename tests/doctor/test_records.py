"""What SPF, DKIM and DMARC records say, and where a receiver stumbles."""

import pytest

from newsletter.doctor.records import (
    MOST_SPF_LOOKUPS,
    Dmarc,
    Fault,
    dkim_fault,
    dmarc_at,
    dmarc_fault,
    is_aligned,
    spf_fault,
    spf_lookups,
)

OURS = "v=DKIM1; k=rsa; p=AAAABBBB"
ZONE = {
    "relay.example.net": ["v=spf1 ip4:192.0.2.1 a:out.example.net -all"],
    "circle.example.net": ["v=spf1 include:circle.example.net -all"],
    "many.example.net": [f"v=spf1 {' '.join(f'a:h{n}.example.net' for n in range(10))} -all"],
}


def ask(name: str) -> list[str]:
    return ZONE.get(name, [])


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["v=spf1 include:relay.example.net -all"], ""),
        (["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx/24 a:h.example.net/28 exists:%{i}.example.net ~all"], ""),
        (["V=SPF1 redirect=relay.example.net"], ""),
        (["v=spf1 mx unknown-modifier=x -all"], ""),
        ([], "There is no SPF record"),
        (["google-site-verification=x", "v=spf10 -all"], "There is no SPF record"),
        (["v=spf1 a -all", "v=spf1 mx -all"], "There are 2 SPF records"),
        (["v=spf1 inlcude:relay.example.net -all"], "'inlcude:relay.example.net' is no term of SPF"),
        (["v=spf1 -all"], "no mail comes from it at all"),
        (["v=spf1 a +all"], "lets everybody send"),
        (["v=spf1 a all"], "lets everybody send"),
        (["v=spf1 a ?all"], "leaves open who else"),
        (["v=spf1 a"], "leaves open who else"),
        (["v=spf1 include:circle.example.net -all"], "over 10 receivers give up"),
        (["v=spf1 include:many.example.net -all"], "leads to 11 look-ups"),
    ],
)
def test_an_spf_record_is_read_as_receivers_do(texts: list[str], says: str):
    """RFC 7208: one record, known terms, ten look-ups at the most, and an end."""
    fault = spf_fault("example.com", texts, ask)
    assert (fault is None) == (not says)
    if fault:
        assert says in fault.words
        assert fault.is_grave == ("leaves open" not in says)


def test_look_ups_are_counted_through_what_is_included():
    """The include itself, and the `a` within it; addresses cost none (RFC 7208 §4.6.4)."""
    assert spf_lookups("v=spf1 include:relay.example.net mx ip4:192.0.2.7 -all", ask) == 3
    assert spf_lookups("v=spf1 include:circle.example.net -all", ask) > MOST_SPF_LOOKUPS


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["v=DKIM1; k=rsa; p=AAAA BBBB"], ""),
        (["p=AAAABBBB"], ""),
        ([], "There is no key"),
        (["v=spf1 -all"], "There is no key"),
        ([OURS, OURS], "There are 2 keys"),
        (["v=DKIM1; p="], "is revoked"),
        (["v=DKIM1; p=CCCC"], "another one than ours"),
        (["v=DKIM1; k=ed25519; p=AAAABBBB"], "another one than ours"),
        (["v=DKIM1; t=s:y; p=AAAABBBB"], "a test"),
    ],
)
def test_the_key_in_the_dns_must_be_ours(texts: list[str], says: str):
    """RFC 6376 §3.6.1: what k= and t= mean, and that white space within p= does not count."""
    fault = dkim_fault("n2026._domainkey.example.com", OURS, texts)
    assert (fault is None) == (not says)
    if fault:
        assert says in fault.words


@pytest.mark.parametrize(
    ("place", "texts", "says"),
    [
        ("_dmarc.news.example.com", ["v=DMARC1; p=reject"], ""),
        ("_dmarc.example.com", ["v=DMARC1;p=none;sp=quarantine"], ""),
        ("_dmarc.example.com", ["v=DMARC1; p=maybe"], "is 'maybe'"),
        ("_dmarc.example.com", ["v=DMARC1; rua=mailto:d@example.com"], "is ''"),
        ("_dmarc.example.com", ["v=DMARC1; p=none", "v=DMARC1; p=none"], "There are 2 DMARC records"),
        ("_dmarc.example.com", ["v=DMARC2; p=none"], "There is no DMARC record"),
        ("_dmarc.example.org", ["v=DMARC1; p=none"], "There is no DMARC record"),
    ],
)
def test_a_policy_is_the_domain_s_own_or_that_of_one_above_it(place: str, texts: list[str], says: str):
    """RFC 9989 §4.10, from the domain itself upwards."""
    found = dmarc_at("news.example.com", lambda name: texts if name == place else [])
    fault = found if isinstance(found, Fault) else dmarc_fault("news.example.com", found)
    assert (fault is None) == (not says)
    if fault:
        assert says in fault.words


def test_of_a_long_name_eight_levels_are_asked():
    """Whoever chose a name of a hundred labels makes nobody ask a hundred times (RFC 9989 §4.10)."""
    asked: list[str] = []
    dmarc_at(".".join("abcdefghijkl"), lambda name: asked.append(name) or [])  # type: ignore[func-returns-value]
    assert len(asked) == 8
    assert (asked[0], asked[1], asked[-1]) == ("_dmarc.a.b.c.d.e.f.g.h.i.j.k.l", "_dmarc.f.g.h.i.j.k.l", "_dmarc.l")


@pytest.mark.parametrize(
    ("other", "strict", "expected"),
    [
        ("news.example.com", True, True),
        ("example.com", False, True),
        ("bounces.example.com", False, True),
        ("example.com", True, False),
        ("example.net", False, False),
        ("myexample.com", False, False),
    ],
)
def test_alignment_is_relaxed_unless_the_policy_is_strict(other: str, strict: bool, expected: bool):
    """The same organisation, which is the domain that has the policy."""
    policy = Dmarc("example.com", "", {"aspf": "s"} if strict else {})
    assert is_aligned("news.example.com", other, policy, "aspf") is expected
