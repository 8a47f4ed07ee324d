"""Why a relay or a mailbox provider said no, in an editor's words: out of the reply's two numbers. Pure.

The enhanced status (RFC 3463, 7505, 7372, 8616) says more than the reply code, so it is asked first; its first digit
only says whether the refusal is for good, which the delivery's state says already.
"""

_BY_STATUS = {  # the last two of the three numbers
    "1.0": "something is wrong with the address",
    "1.1": "there is no such mailbox",
    "1.2": "there is no such domain",
    "1.3": "the address is written wrongly",
    "1.4": "the address fits several mailboxes",
    "1.6": "the mailbox has moved and left no new address",
    "1.7": "our sender's address is written wrongly",
    "1.8": "our sender's domain is not found",
    "1.10": "the domain takes no mail",
    "2.0": "something is wrong with the mailbox",
    "2.1": "the mailbox is closed",
    "2.2": "the mailbox is full",
    "2.3": "the message is too large for the mailbox",
    "2.4": "the mailbox is a list that does not work",
    "3.1": "their mail server's disk is full",
    "3.2": "their mail server takes no mail now",
    "3.4": "the message is too large",
    "4.1": "their mail server does not answer",
    "4.2": "the connection broke",
    "4.3": "names could not be looked up",
    "4.4": "no mail server is known for the domain",
    "4.5": "their mail server has too much to do",
    "4.6": "the mail goes round in a circle",
    "4.7": "it could not be delivered in time",
    "7.0": "refused by their rules",
    "7.1": "refused by their rules",
    "7.2": "they do not take mail for this list",
    "7.7": "the message was changed on its way",
    "7.13": "the mailbox is blocked",
    "7.20": "no valid DKIM signature",
    "7.21": "no valid DKIM signature of our domain",
    "7.22": "no DKIM signature of the author's domain",
    "7.23": "SPF does not allow our server",
    "7.24": "SPF could not be checked",
    "7.25": "our server's address has no name",
    "7.26": "neither SPF nor DKIM proves who we are",
    "7.27": "our sender's domain takes no mail",
    "7.28": "too much mail from us at once",
}
_BY_SUBJECT = {  # the middle number
    "1": "something is wrong with the address",
    "2": "something is wrong with the mailbox",
    "3": "their mail server has trouble",
    "4": "the network or its names have trouble",
    "5": "the servers did not understand each other",
    "6": "something is wrong with the message's form",
    "7": "refused by their rules",
}
_BY_CODE = {
    421: "they ask us to come back later",
    450: "the mailbox can't be reached now",
    451: "their mail server has trouble",
    452: "they have no room now",
    550: "the mailbox can't be reached, or they refuse us",
    551: "the mailbox is elsewhere",
    552: "the mailbox is full",
    553: "the address is not allowed",
    554: "refused without a reason",
}
ASKED_FOR_LESS = ("4.7.0", "4.7.28")
NO_REPLY = "no reply came"


def in_words(code: int | None, status: str) -> str:
    """What a reply's `code` (550) and enhanced `status` ("5.1.1", or "") mean."""
    if status in ASKED_FOR_LESS:
        return "they ask for less mail at once"
    subject, _, _detail = status.partition(".")[2].partition(".")
    found = _BY_STATUS.get(status.partition(".")[2]) or _BY_SUBJECT.get(subject)
    if found:
        return found
    if code is None:
        return NO_REPLY
    return _BY_CODE.get(code) or ("refused for now" if code < 500 else "refused for good")


def numbers(code: int | None, status: str) -> str:
    """The two numbers as they stand in a reply: "550 5.1.1"; "" where none came."""
    return " ".join(filter(None, (str(code or ""), status)))
