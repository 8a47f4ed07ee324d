"""The marks where a reader's own links go: put in while rendering, exchanged for tokens while sending.

A mark is as long as a token and made of letters alone, so no encoder breaks it, no line grows, and the two can be
told apart from every address a publisher could write.
"""

from subscribers.tokens import LENGTH

UNSUBSCRIBE = "MarkUnsubscribe".ljust(LENGTH, "Z")
PREFERENCES = "MarkPreferences".ljust(LENGTH, "Z")
MARKS = (UNSUBSCRIBE, PREFERENCES)


def fill(text: str, *, unsubscribe: str, preferences: str) -> str:
    """`text` with a reader's tokens in the places of the marks."""
    return text.replace(UNSUBSCRIBE, unsubscribe).replace(PREFERENCES, preferences)


def has_marks(text: str) -> bool:
    """Whether any mark is left: such a text must not reach a reader."""
    return any(mark in text for mark in MARKS)
