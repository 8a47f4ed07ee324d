"""Lists as spreadsheets and newsletter services write them: headings, words for who has left, bytes."""

import pytest

from subscribers import reading
from subscribers.csv_rows import layout_of
from tests.subscribers.conftest import KEYS

IN, OUT, NOT_YET = "active", "unsubscribed", "not yet"
GERMAN = (
    "E-Mail;Vorname;Nachname;Status\r\n"
    'joerg@example.com;Jörg;"Groß; Söhne";aktiv\r\nuwe@example.com;Uwe;Öl;abgemeldet\r\n'
)
SPREADSHEETS = {
    "Excel, semicolons, the code page of Western Europe": GERMAN.encode("cp1252"),
    "Excel, CSV UTF-8": GERMAN.encode("utf-8-sig"),
    "Excel, Unicode text": GERMAN.replace(";", "\t").replace('"Groß\t', '"Groß;').encode("utf-16"),
    "Excel, with a line for itself": ("sep=;\r\n" + GERMAN).encode("utf-8-sig"),
    "Excel, with that line and tabs": b"sep=\t\r\nE-Mail\tVorname\tNachname\tStatus\r\n"
    + 'joerg@example.com\tJörg\t"Groß; Söhne"\taktiv\r\nuwe@example.com\tUwe\tÖl\tabgemeldet\r\n'.encode(),
    "LibreOffice, every cell quoted": '"E-Mail","Vorname","Nachname","Status"\n'
    '"joerg@example.com","Jörg","Groß; Söhne","aktiv"\n"uwe@example.com","Uwe","Öl","abgemeldet"\n'.encode(),
    "Google Sheets": "E-Mail,Vorname,Nachname,Status\r\njoerg@example.com,Jörg,Groß; Söhne,aktiv\r\n"
    "uwe@example.com,Uwe,Öl,abgemeldet".encode(),
}
SERVICES = {
    "Mailchimp, subscribed": (
        '"Email Address","First Name","Last Name",Address,"Phone Number",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,'
        "CONFIRM_TIME,"
        "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
        'ann@example.com,Ann,Lee,"1 Quay Street  Harbourton",,2,"2024-01-02 03:04:05",192.0.2.1,"2024-01-02 03:05:00",'
        '192.0.2.1,51.5,-0.1,0,1,Europe/London,GB,ENG,"2024-01-02 03:05:00",1,ab12,,"""news"""\n',
        {"ann": IN},
    ),
    "Mailchimp, unsubscribed": (
        '"Email Address","First Name","Last Name",OPTIN_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,'
        "UNSUB_REASON,UNSUB_REASON_OTHER,LEID,EUID\n"
        'bob@example.com,Bob,,"2024-01-02 03:04:05","2025-06-07 08:09:10","June",12ab,NORMAL,,2,cd34\n',
        {"bob": OUT},
    ),
    "Mailchimp, cleaned": (
        '"Email Address","First Name",CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID\n'
        'cay@example.com,,"2025-06-07 08:09:10",June,3\n',
        {"cay": OUT},
    ),
    "Substack": (
        "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
        "ann@example.com,false,,other,false,2024-01-02T03:04:05.678Z,\n"
        "bob@example.com,true,2027-01-02T00:00:00.000Z,yearly,false,2024-01-02T03:04:05.678Z,2024-01-02T03:04:05.678Z\n"
        "cay@example.com,false,,other,true,2024-01-02T03:04:05.678Z,\n",
        {"ann": IN, "bob": IN, "cay": OUT},
    ),
    "Ghost": (
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers\n"
        "65a,ann@example.com,Ann Lee,,true,false,,2024-01-02T03:04:05.000Z,,,\n"
        '65b,bob@example.com,Bob,"a note,\nof two lines",false,false,,2024-01-02T03:04:05.000Z,,vip,\n',
        {"ann": IN, "bob": OUT},
    ),
    "beehiiv": (
        "subscriber_id,email,status,subscription_tier,created_at,utm_source,utm_medium,referral_code\n"
        "a1,ann@example.com,active,free,2024-01-02 03:04:05 UTC,direct,,x\nb2,bob@example.com,inactive,free,,,,\n"
        "c3,cay@example.com,validating,free,,,,\nd4,dan@example.com,pending,free,,,,\ne5,eve@example.com,needs_attention,free,,,,\n",
        {"ann": IN, "bob": OUT, "cay": NOT_YET, "dan": NOT_YET, "eve": NOT_YET},
    ),
    "Brevo": (
        "CONTACT ID;EMAIL;LASTNAME;FIRSTNAME;SMS;EMAIL_BLACKLISTED;ADDED_TIME;MODIFIED_TIME\n"
        "1;ann@example.com;Lee;Ann;;No;02-01-2024 03:04:05;02-01-2024 03:04:05\n2;bob@example.com;;;;Yes;;\n",
        {"ann": IN, "bob": OUT},
    ),
    "MailerLite": (
        '"Subscriber","Sent","Opens","Clicks","Subscribed","Location","Name","Last name"\n'
        '"ann@example.com",12,3,1,"2024-01-02 03:04:05","GB","Ann","Lee"\n',
        {"ann": IN},
    ),
    "MailerLite Classic": (
        "Email,Name,Last name,Subscribed,Unsubscribed,Signup IP\n"
        "ann@example.com,Ann,Lee,2024-01-02 03:04:05,,192.0.2.1\n"
        "bob@example.com,Bob,,2024-01-02 03:04:05,2025-06-07 08:09:10,\n",
        {"ann": IN, "bob": OUT},
    ),
    "Sendy": (
        '"Name","Email","Status"\n"Ann Lee","ann@example.com","Subscribed"\n"","bob@example.com","Unsubscribed"\n'
        '"","cay@example.com","Unconfirmed"\n"","dan@example.com","Bounced"\n"","eve@example.com","Marked as spam"\n'
        '"","fay@example.com","Soft bounced"\n',
        {"ann": IN, "bob": OUT, "cay": NOT_YET, "dan": OUT, "eve": OUT, "fay": IN},
    ),
    "Buttondown": (
        "id,email_address,notes,metadata,tags,referrer_url,type,source,creation_date,unsubscription_date\n"
        'a-1,ann@example.com,,"{""city"": ""Harbourton""}",,,regular,api,2024-01-02T03:04:05Z,\n'
        "b-2,bob@example.com,,{},,,unsubscribed,form,2024-01-02T03:04:05Z,2025-06-07T08:09:10Z\n"
        "c-3,cay@example.com,,{},,,unactivated,form,2024-01-02T03:04:05Z,\n"
        "d-4,dan@example.com,,{},,,undeliverable,form,2024-01-02T03:04:05Z,\n"
        "e-5,eve@example.com,,{},,,premium,form,2024-01-02T03:04:05Z,\n",
        {"ann": IN, "bob": OUT, "cay": NOT_YET, "dan": OUT, "eve": IN},
    ),
    "Brevo, as it was": (
        "EMAIL;FIRSTNAME;LASTNAME;SMS;BLACKLIST;ADDED_TIME\nann@example.com;Ann;Lee;;0;2024\nbob@example.com;;;;1;2024\n",
        {"ann": IN, "bob": OUT},
    ),
    "Kit": (
        "first_name,last_name,email,status,state,created_at,tags\nAnn,Lee,ann@example.com,active,Texas,2024-01-02,\n"
        "Bob,,bob@example.com,cancelled,Ohio,2024-01-02,\nCay,,cay@example.com,complained,,2024-01-02,\n",
        {"ann": IN, "bob": OUT, "cay": OUT},
    ),
    "Constant Contact": (
        "Email address,First name,Last name,Email status,Email permission status,Confirmed Opt-Out Date\n"
        "ann@example.com,Ann,Lee,Active,Implied,\nbob@example.com,Bob,,Active,Unsubscribed,2025-06-07 08:09:10\n",
        {"ann": IN, "bob": OUT},
    ),
    "Constant Contact, whose permission overrules the status": (
        "Email address,Email status,Email permission status\n"
        "ann@example.com,Active,Express\nbob@example.com,Active,Unsubscribed\ncay@example.com,Unsubscribed,Implied\n"
        "dan@example.com,Awaiting Confirmation,Implied\neve@example.com,,\nfay@example.com,Active,No Permissions Set\n"
        "guy@example.com,,Implied\nhal@example.com,Active,\n",
        {"ann": IN, "bob": OUT, "cay": OUT, "dan": NOT_YET, "eve": NOT_YET, "fay": NOT_YET, "guy": NOT_YET, "hal": IN},
    ),
    "Constant Contact, by permission alone": (
        "Email address,First name,Last name,Email permission status\n"
        "ann@example.com,Ann,Lee,Implied\nbob@example.com,Bob,,Unsubscribed\ncay@example.com,,,Opted Out\n"
        "dan@example.com,,,\neve@example.com,,,Pending Confirmation\n",
        {"ann": IN, "bob": OUT, "cay": OUT, "dan": NOT_YET, "eve": NOT_YET},
    ),
    "Constant Contact, of sales": (
        "First Name,Last Name,Email Address,Is Unsubscribed\nAnn,Lee,ann@example.com,0\nBob,,bob@example.com,1\n",
        {"ann": IN, "bob": OUT},
    ),
    "Campaign Monitor": (
        "Email Address,Name,Date Subscribed,Status,Reason\nann@example.com,Ann Lee,2024-01-02,Active,\n"
        "bob@example.com,Bob,2024-01-02,Unsubscribed,\ncay@example.com,Cay,2024-01-02,Bounced,\n"
        "dan@example.com,Dan,2024-01-02,Unconfirmed,\n",
        {"ann": IN, "bob": OUT, "cay": OUT, "dan": NOT_YET},
    ),
    "ActiveCampaign": (
        "Email,First Name,Last Name,Date Created,Unsubscribed from all\nann@example.com,Ann,Lee,2024-01-02,0\n"
        "bob@example.com,Bob,,2024-01-02,1\n",
        {"ann": IN, "bob": OUT},
    ),
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Unsubscribed from all email,Marketing contact status\n"
        "1,Ann,Lee,ann@example.com,,Marketing contact\n2,Bob,,bob@example.com,true,Marketing contact\n",
        {"ann": IN, "bob": OUT},
    ),
    "Shopify": (
        "First Name,Last Name,Email,Accepts Email Marketing,Address1,City\nAnn,Lee,ann@example.com,yes,,\n"
        "Bob,,bob@example.com,no,,\n",
        {"ann": IN, "bob": OUT},
    ),
    "CleverReach, whose second column says it": (
        "Email;Vorname;Nachname;Blacklisted;Abgemeldet\nann@example.com;Ann;Lee;Nein;0000-00-00 00:00:00\n"
        "bob@example.com;;;Nein;2025-06-07 08:09:10\ncay@example.com;;;Ja;\n",
        {"ann": IN, "bob": OUT, "cay": OUT},
    ),
    "a shop's customers, whose state is Texas": (
        "Email,First Name,Last Name,City,State,Zip\nann@example.com,Ann,Lee,Austin,Texas,73301\n",
        {"ann": IN},
    ),
    "Google Contacts": (
        "First Name,Middle Name,Last Name,Organization Name,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Value\n"
        "Ann,,Lee,The Harbour Post,* myContacts,* Home,ann@example.com,\n",
        {"ann": IN},
    ),
}


def outcomes(path):
    """Each person's state by the name before the @, their own name, and the reasons of the rows that were refused."""
    with reading.batches(path, layout_of(path), KEYS, 100) as batches:
        [batch] = batches
    return list(batch.arrivals), batch.faults


@pytest.mark.parametrize("program", SPREADSHEETS)
def test_a_spreadsheet_in_any_of_its_ways(tmp_path, program):
    """Nobody is asked for delimiter and encoding; umlauts and a semicolon within a cell come through."""
    path = tmp_path / "people.csv"
    path.write_bytes(SPREADSHEETS[program])
    arrivals, faults = outcomes(path)
    assert [(a.email, a.name, a.state) for a in arrivals] == [
        ("joerg@example.com", "Jörg Groß; Söhne", IN),
        ("uwe@example.com", "Uwe Öl", OUT),
    ]
    assert faults == []


@pytest.mark.parametrize("service", SERVICES)
def test_an_export_of_a_service(tmp_path, service):
    """Who left there stays out here, and who never confirmed is no reader."""
    text, expected = SERVICES[service]
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    arrivals, faults = outcomes(path)
    found = {a.email.partition("@")[0]: str(a.state) for a in arrivals}
    assert found == {name: state for name, state in expected.items() if state != NOT_YET}
    assert [fault.why for fault in faults] == ["this person has not confirmed"] * list(expected.values()).count(NOT_YET)
    if "ann" in found and "Name" in text.title():
        assert arrivals[0].name == "Ann Lee"
