"""The people: who they are, what they agreed to, what they get, and who must never be mailed.

This page is the whole public face; it knows nothing of newsletters but their names. A verb takes a session and `now`,
writes, and returns a value; whoever calls it sends the mail that a value asks for, and commits.

wishes        what a form took in, until it is looked at
signup        double opt-in: ask → ConfirmationDue, confirm → active; an operator's add
unsubscribe   leave by token, by number, by operator; undo; why
preferences   what a reader may choose without a login
audience      who may get an issue now
segments      filters over readers, as words
suppression   the never-mail list
transfer      CSV in and out
clicks        who followed which link
leavings      who left, in numbers
movements     who came and went, a number a day
search        find people among millions
directory     look people up; a person's data
erasure       forget a person but one keyed hash
"""

from subscribers import (
    audience,
    clicks,
    directory,
    erasure,
    leavings,
    movements,
    preferences,
    search,
    segments,
    signup,
    suppression,
    transfer,
    unsubscribe,
    wishes,
)
from subscribers.address import Address, masked, parse
from subscribers.audience import NotNow, Recipient
from subscribers.consent import Proof
from subscribers.errors import BadFile, NotAllowed, NotAnAddress, NotKnown, SubscribersError
from subscribers.leavings import Leavings
from subscribers.models import Format, SubscriptionState, SuppressionReason, Way
from subscribers.people import email_of, language_of
from subscribers.signup import Confirmation, ConfirmationDue

__all__ = [
    "Address",
    "BadFile",
    "Confirmation",
    "ConfirmationDue",
    "Format",
    "Leavings",
    "NotAllowed",
    "NotAnAddress",
    "NotKnown",
    "NotNow",
    "Proof",
    "Recipient",
    "SubscribersError",
    "SubscriptionState",
    "SuppressionReason",
    "Way",
    "audience",
    "clicks",
    "directory",
    "email_of",
    "erasure",
    "language_of",
    "leavings",
    "masked",
    "movements",
    "parse",
    "preferences",
    "search",
    "segments",
    "signup",
    "suppression",
    "transfer",
    "unsubscribe",
    "wishes",
]
