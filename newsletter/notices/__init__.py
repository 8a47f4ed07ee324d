"""Mails that are no issue: please confirm, welcome, and a word to the editors.

A notice is a row first, written in the transaction of what caused it, so that none is lost while the relay is down;
`deliver_due` sends what is due. No address stands in a row about a reader: it is looked up when the mail is made.

models.py    the table Notice
questions.py sign-ups that wait → please confirm
outbox.py    write them down, send what is due
letters.py   one notice → one message
newcomers.py the newest issue at once, for whoever has just confirmed
calendar.py  when a newsletter comes out, in words
"""

from newsletter.notices.calendar import next_issue, rhythm
from newsletter.notices.newcomers import give_latest
from newsletter.notices.outbox import (
    Delivered,
    ask_to_confirm,
    deliver_due,
    draft_ready,
    invite,
    issue_held,
    nobody_yet,
    of_reader,
    second_wanted,
    sources_died,
    tell_editors,
    welcome,
)
from newsletter.notices.questions import ask_those_who_wished

__all__ = [
    "Delivered",
    "ask_those_who_wished",
    "ask_to_confirm",
    "deliver_due",
    "draft_ready",
    "give_latest",
    "invite",
    "issue_held",
    "next_issue",
    "nobody_yet",
    "of_reader",
    "rhythm",
    "second_wanted",
    "sources_died",
    "tell_editors",
    "welcome",
]
