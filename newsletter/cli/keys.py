"""The keys that sign mail (DKIM): keys create, keys show. The key that signs links: keys rotate."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from newsletter import config
from newsletter.cli.out import Json, plain, print_json, say
from newsletter.config import DkimKey
from newsletter.delivery import dkim
from newsletter.errors import Refused

app = typer.Typer(help="Keys that sign mail (DKIM), and the key that signs links.", no_args_is_help=True)


@app.command()
def create(
    context: typer.Context,
    domain: Annotated[str, typer.Option(metavar="D", help="The sender's domain, as example.com.")],
    selector: Annotated[str, typer.Option(metavar="S", help="A name for this key, as n2026: a new key, a new name.")],
    algorithm: Annotated[dkim.Algorithm, typer.Option(help="rsa is known to every receiver.")] = "rsa",
    json: Json = False,
) -> None:
    """Make a key beside config.toml; print the DNS record and the lines for config.toml."""
    folder = Path(context.obj).absolute().parent
    table = _table(domain, selector, folder)
    _write(table.key_file, dkim.new_key(algorithm))
    key = dkim.signer((table,)).keys[0]
    if json:
        print_json(_document(table, key))
        return
    say(f"[bold]{plain(table.key_file.name)}[/] is a new {key.algorithm} key, readable by its owner alone.\n")
    say("1. Publish its public half in the DNS:\n")
    _show(key)
    say("\n2. Put these lines into config.toml:\n")
    lines = f'[[dkim]]\ndomain = "{table.domain}"\nselector = "{table.selector}"\nkey_file = "{table.key_file.name}"'
    say(plain(lines))
    say("\nSign only once the record can be seen: some receivers refuse what they can't check.")


@app.command()
def show(context: typer.Context, json: Json = False) -> None:
    """Print the DNS record of each key in config.toml."""
    tables = config.load(Path(context.obj)).dkim
    if not tables:
        raise Refused("config.toml has no [[dkim]] table; `newsletter keys create` makes a key and prints one.")
    keys = dkim.signer(tables).keys
    if json:
        print_json([_document(table, key) for table, key in zip(tables, keys, strict=True)])
        return
    for key in keys:
        _show(key)
        say("")


@app.command()
def rotate(context: typer.Context) -> None:
    """Sign the links in mails with a new key; those of the old ones stay good."""
    settings = config.load(Path(context.obj))
    file = settings.site.secret_key_file
    if config.Secrets().secret_key:
        raise Refused("The key is in NEWSLETTER_SECRET_KEY: put a new line on top of it there, and keep the others.")
    try:
        config.put_new_key_first(file)
    except FileExistsError as error:
        raise Refused(f"{file.name}.new is there already: another rotation runs, or was cut off. Delete it.") from error
    except OSError as error:
        raise Refused(f"{file} can't be changed: {error.strerror}.") from error
    count = len(settings.keys.secrets) + 1
    say(f"{plain(file.name)} has {count} keys now: the new one signs, links of the others stay good.")
    say("Restart `run`, `serve` and `worker`: those that know only the old keys would refuse the new links.")


def _table(domain: str, selector: str, folder: Path) -> DkimKey:
    try:
        return DkimKey(domain=domain, selector=selector, key_file=folder / f"dkim-{selector}.{domain}.pem")
    except ValidationError as error:
        raise Refused(
            f"--domain {domain} --selector {selector}: a domain looks like example.com, a selector like n2026."
        ) from error


def _write(file: Path, content: bytes) -> None:
    """A new file of mode 600. An old one is never overwritten: receivers still hold mail that it signed."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused(f"{file.name} is there already; a new key wants a new --selector.") from error
    except OSError as error:
        raise Refused(f"{file} can't be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)


def _show(key: dkim.Key) -> None:
    """The record as a zone file has it, and as the forms of DNS providers want it."""
    strings = "\n".join(f'    "{string}"' for string in key.record_strings)
    say(plain(f"{key.record_name}. IN TXT (\n{strings} )\n"))
    say(plain(f"In a form: name {key.record_name}, type TXT, value (one line)\n{key.record}"))


def _document(table: DkimKey, key: dkim.Key) -> dict[str, Any]:
    return {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm,
        "key_file": str(table.key_file),
        "record": {"name": key.record_name, "type": "TXT", "value": key.record, "strings": key.record_strings},
    }
