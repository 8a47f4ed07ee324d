"""What config.toml names and this machine must have: keys, folders, designs, room on the disk."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from shutil import disk_usage

from sqlalchemy import make_url

from newsletter import templates_folder
from newsletter.config import Config
from newsletter.delivery import dkim
from newsletter.delivery.relays import all_of
from newsletter.doctor.findings import Finding, fail, ok, warn
from newsletter.errors import ConfigError

LITTLE_BYTES, TOO_LITTLE_BYTES = 1_000_000_000, 100_000_000  # of a disk's free room


def findings(config: Config) -> Iterator[Finding]:
    """Of all that is in this file."""
    return chain(
        _config(config), _link_key(config), dkim_keys(config), _secrets(config), sources(config), _looks(config),
        _folders(config), _disks(config),
    )  # fmt: skip


def dkim_keys(config: Config) -> Iterator[Finding]:
    """Whether each [[dkim]] table's key can sign."""
    for table in config.dkim:
        where = f"{table.selector}._domainkey.{table.domain}"
        try:
            key = dkim.read(table)
        except ConfigError as error:
            yield fail("keys", where, str(error))
        else:
            yield ok("keys", where, f"{table.key_file.name} holds a key ({key.algorithm}).")


def sources(config: Config) -> Iterator[Finding]:
    """Whether there are any, and whether the folders of articles are there."""
    if not config.sources:
        yield warn(
            "sources", "config.toml", "There is none, so there is nothing to pick from: add a [[sources]] table."
        )
    for source in config.sources:
        if source.path and not source.path.is_dir():
            words = f"source {source.name}: there is no folder {source.path}; make it, or correct `path`."
            yield fail("sources", source.name, words)
        elif source.path and not os.access(source.path, os.R_OK | os.X_OK):
            words = f"source {source.name}: {source.path} can't be read by this user; give it the right to."
            yield fail("sources", source.name, words)


def _config(config: Config) -> Iterator[Finding]:
    counts = f"newsletters {len(config.newsletters)}, sources {len(config.sources)}, relays {len(all_of(config))}"
    yield ok("config", "config.toml", f"It can be read: {counts}.")
    for slug, words in config.unfed:
        yield fail("config", slug, f"{words} Until then no issue is drafted.")
    for newsletter in config.newsletters:
        if not newsletter.editors:
            words = "Nobody is told when an issue waits, is held or stops: name addresses in `editors`."
            yield warn("config", newsletter.slug, words)


def _link_key(config: Config) -> Iterator[Finding]:
    try:
        keys = config.keys
    except ConfigError as error:
        yield fail("keys", "links", str(error))
    else:
        yield ok("keys", "links", f"Links are signed; keys that are known: {len(keys.secrets)}.")


def _secrets(config: Config) -> Iterator[Finding]:
    """Files that nobody but their owner should read."""
    files = {config.site.secret_key_file, config.web.api_key_file, config.mailbox.password_file}
    files |= {table.key_file for table in config.dkim} | {relay.password_file for relay in all_of(config)}
    for file in sorted(config.folder / file for file in files if file):
        if file.is_file() and file.stat().st_mode & 0o077:
            yield warn("keys", file.name, f"Others on this machine may read it: chmod 600 {file}")


def _looks(config: Config) -> Iterator[Finding]:
    folders = templates_folder.folders(config.folder)
    for newsletter in config.newsletters:
        if not any((folder / newsletter.design / "issue.mjml").is_file() for folder in folders):
            words = f"There is no design {newsletter.design!r}: templates/{newsletter.design}/issue.mjml is missing."
            yield fail("design", newsletter.slug, words)
        logo = newsletter.logo
        if logo and not logo.src.startswith(("https://", "http://")) and not (config.folder / logo.src).is_file():
            yield fail("design", newsletter.slug, f"The logo {logo.src} is not beside config.toml: put it there.")


def _folders(config: Config) -> Iterator[Finding]:
    """Whether what has to be written can be: each folder is made when it is first wanted."""
    for folder in _written(config):
        there = _there(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            yield fail("folders", str(folder), f"This user may not write into {there}: give it the right to.")


def _disks(config: Config) -> Iterator[Finding]:
    """One finding a disk."""
    disks = {_there(folder).stat().st_dev: folder for folder in reversed(_written(config))}
    for folder in reversed(disks.values()):
        free = disk_usage(_there(folder)).free
        room = f"{free / 1e9:,.1f} GB are free"
        if free < TOO_LITTLE_BYTES:
            yield fail("disk", str(folder), f"{room}: a send would stop. Make room.")
        elif free < LITTLE_BYTES:
            yield warn("disk", str(folder), f"{room}: make room before it stops a send.")
        else:
            yield ok("disk", str(folder), f"{room}.")


def _written(config: Config) -> list[Path]:
    """The folders that the program writes into."""
    folders = [config.folder, config.smtp.journal_dir, config.site.media_dir]
    url = make_url(config.database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        folders.append(Path(url.database).parent)
    return list(dict.fromkeys(folders))


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
