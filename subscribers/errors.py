"""What can go wrong with people and their addresses; each is one sentence for a person, without the address in it.

SubscribersError
├── NotAnAddress     the text is no e-mail address
├── NotKnown         nobody goes by that address
├── NotAllowed       the rules forbid it: adding somebody who has left
└── BadFile          a file of subscribers that can't be read as one
"""


class SubscribersError(Exception):
    """The root. `str()` of it is one clear sentence."""


class NotAnAddress(SubscribersError):
    """The text is no e-mail address."""


class NotKnown(SubscribersError):
    """Nobody goes by that address."""


class NotAllowed(SubscribersError):
    """The rules forbid it."""


class BadFile(SubscribersError):
    """A file of subscribers that can't be read as one."""
