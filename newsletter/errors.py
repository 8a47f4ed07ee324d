"""What can go wrong, as a tree. Every sentence says what happened and what to do; none needs a traceback.

NewsletterError
├── ConfigError          config.toml or a secret: names the file, the line and the key
├── StoreError           the database: missing, old schema, locked
├── NotFound             no such issue, newsletter, article
├── Refused              a move that the rules forbid: sending a draft, approving a cancelled issue
│   ├── PreflightFailed  the issue has a fault that stops it; carries the findings
│   └── NeedsDecision    going on by itself would do harm: it was held or paused until somebody decides
├── TemplateError        a template: names the file and the line
├── FetchError           a source that can't be read, with its reason
│   ├── AskedToWait      its server wants to be left alone for a while
│   └── Gone             its server says that it is gone for good
├── MailboxDown          the mailbox that readers write to can't be read
└── DeliveryError        the relay
    ├── RelayDown        no connection, no login, no TLS: nothing charged to a reader
    ├── TryLater         a temporary refusal of one message
    └── GiveUp           a permanent refusal of one message
"""


class NewsletterError(Exception):
    """The root. `str()` of it is one clear sentence for a person."""


class ConfigError(NewsletterError):
    """The config file or a secret is wrong."""


class StoreError(NewsletterError):
    """The database can't be used as it is."""


class NotFound(NewsletterError):
    """Nothing goes by that name or number."""


class Refused(NewsletterError):
    """The rules forbid it now."""


class PreflightFailed(Refused):
    """The issue has a fault that stops it."""

    def __init__(self, message: str, findings: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class NeedsDecision(Refused):
    """Going on by itself would do harm: the issue was held or paused until somebody decides."""

    stop = True


class TemplateError(NewsletterError):
    """A template can't be rendered."""


class FetchError(NewsletterError):
    """A source can't be read."""


class AskedToWait(FetchError):
    """The server answered 429 or 503 with Retry-After (RFC 9110 §10.2.3): seconds or a date, as it said them."""

    def __init__(self, message: str, retry_after: str) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Gone(FetchError):
    """The server answered 410 (RFC 9110 §15.5.11): asking again is no use."""


class MailboxDown(NewsletterError):
    """The mailbox that readers write to can't be read now."""


class DeliveryError(NewsletterError):
    """The relay did not take a message, or could not be reached."""


class RelayDown(DeliveryError):
    """The relay itself: connection, TLS, login, or it refuses us as a sender. No reader is to blame.

    `stop` is true where trying again by itself would do harm (a wrong password locks the account).
    """

    def __init__(self, message: str, *, stop: bool = False) -> None:
        super().__init__(message)
        self.stop = stop


class TryLater(DeliveryError):
    """A temporary refusal: `code` is the SMTP reply code, `status` the enhanced code ("4.2.1") or ""."""

    def __init__(self, code: int, status: str, reply: str) -> None:
        super().__init__(f"{code} {status} {reply}".replace("  ", " "))
        self.code, self.status, self.reply = code, status, reply


class GiveUp(DeliveryError):
    """A permanent refusal: `code` is the SMTP reply code, `status` the enhanced code ("5.1.1") or ""."""

    def __init__(self, code: int, status: str, reply: str) -> None:
        super().__init__(f"{code} {status} {reply}".replace("  ", " "))
        self.code, self.status, self.reply = code, status, reply
