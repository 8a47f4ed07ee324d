"""The people at the desk: who they are, what they may do, how they show that it is them, and what they did.

A low floor: it knows the database and nothing of newsletters. The web's desk and `newsletter editors` are its doors.

models.py       tables Editor, EditorSession, Invitation, WrongTry, AuditEntry
accounts.py     add, find, rename, give a role, disable
passwords.py    what is a good one; hash and check it
sessions.py     from a right password to a cookie, and the end of it
login.py        the two steps: password, then code
invitations.py  a link by which somebody chooses their own password
codes.py        the second factor (RFC 6238); recovery.py: on paper; sealed.py: how its secret is stored
tries.py        how long to wait after wrong passwords
audit.py        every act, for ever
"""

from newsletter.editors.models import Role
from newsletter.editors.sessions import Visitor

__all__ = ["Role", "Visitor"]
