"""The people at the desk: editors add, list, password, role, disable, enable, invite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlmodel import Session

from newsletter import links
from newsletter.cli.out import WHO, Json, now, opened, plain, print_json, say, say_table, table
from newsletter.config import Config
from newsletter.editors import Role, accounts, audit, codes, invitations, sessions
from newsletter.editors.models import Editor
from newsletter.errors import Refused

app = typer.Typer(help="The people at the editors' desk.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the password here instead of printing a link.")]


@app.command()
def add(
    context: typer.Context, email: Email,
    name: Annotated[str, typer.Option(metavar="NAME", help="As it stands in decisions.")],
    role: Annotated[Role, typer.Option(help="Each may also do what those before it may.")] = Role.EDITOR,
    ask: Ask = False,
) -> None:  # fmt: skip
    """Somebody new: prints a link, good once and for three days, by which they choose a password."""
    password = _asked() if ask else ""
    with opened(context) as paper, paper.database.transaction() as session:
        editor = accounts.add(session, email, name, role, now())
        _note(session, "added an editor", editor, str(role))
        _let_in(session, paper.config, editor, password)


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """Who may open the desk."""
    with opened(context) as paper, paper.database.reading() as session:
        found = [(one, sessions.alive(session, one.id or 0, now())) for one in accounts.everybody(session)]
    documents = [
        {
            "email": one.email, "name": one.name, "role": str(one.role), "has_password": bool(one.password_hash),
            "has_code": bool(one.code_secret), "disabled": one.disabled_at is not None, "sessions": len(alive),
        }
        for one, alive in found
    ]  # fmt: skip
    if json:
        print_json({"editors": documents})
        return
    if not documents:
        say("Nobody yet: `newsletter editors add EMAIL --name NAME --role admin` makes the first one.")
        return
    shown = table("Email", "Name", "Role", "Login", "Sessions", numbers=("Sessions",))
    for one in documents:
        shown.add_row(
            plain(str(one["email"])), plain(str(one["name"])), str(one["role"]), _login(one), str(one["sessions"])
        )
    say_table(shown)


@app.command()
def password(context: typer.Context, email: Email, ask: Ask = False) -> None:
    """A new password: prints a link to choose one, or asks for it here. Ends every session of theirs."""
    chosen = _asked() if ask else ""
    with _one(context, email) as (session, config, editor):
        _note(session, "set a password anew", editor)
        sessions.end_all(session, editor.id or 0, now())
        _let_in(session, config, editor, chosen)


@app.command()
def role(context: typer.Context, email: Email, role: Annotated[Role, typer.Argument(metavar="ROLE")]) -> None:
    """What they may do, from their next click on."""
    with _one(context, email) as (session, _config, editor):
        accounts.set_role(session, editor, role)
        _note(session, "gave a role", editor, str(role))
    say(f"{plain(editor.name)} is {role} now.")


@app.command()
def disable(context: typer.Context, email: Email) -> None:
    """They may not log in any more, and every session of theirs ends. What they did stays on record."""
    with _one(context, email) as (session, _config, editor):
        accounts.disable(session, editor, now())
        sessions.end_all(session, editor.id or 0, now())
        _note(session, "disabled an editor", editor)
    say(f"{plain(editor.name)} can't log in any more.")


@app.command()
def enable(context: typer.Context, email: Email) -> None:
    """They may log in again."""
    with _one(context, email) as (session, _config, editor):
        accounts.enable(session, editor)
        _note(session, "enabled an editor", editor)
    say(f"{plain(editor.name)} can log in again.")


@app.command("no-code")
def no_code(context: typer.Context, email: Email) -> None:
    """Take the second factor off an account: the phone is lost."""
    with _one(context, email) as (session, _config, editor):
        codes.remove(session, editor)
        _note(session, "took the code off an account", editor)
    say(f"{plain(editor.name)} logs in by password alone now.")


@contextmanager
def _one(context: typer.Context, email: str) -> Iterator[tuple[Session, Config, Editor]]:
    with opened(context) as paper, paper.database.transaction() as session:
        yield session, paper.config, accounts.find(session, email)


def _let_in(session: Session, config: Config, editor: Editor, password: str) -> None:
    """Set the password that was typed, or print the link to choose one."""
    if password:
        accounts.set_password(session, editor, password)
        say(f"{plain(editor.name)} can log in at {links.desk(config.site)}")
        return
    token = invitations.token_of(config.keys, invitations.invite(session, config.keys, editor, WHO, now()))
    say(f"{plain(editor.name)} chooses a password here, within three days:\n{links.invitation(config.site, token)}")


def _asked() -> str:
    """The password, typed twice at the terminal; it is never an argument, for those are seen by all of a machine."""
    typed: str = typer.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    if not typed:
        raise Refused("No password was typed.")
    return typed


def _note(session: Session, act: str, editor: Editor, details: str = "") -> None:
    audit.note(session, WHO, act, now(), about=editor.email, details=details)


def _login(document: dict[str, object]) -> str:
    if document["disabled"]:
        return "disabled"
    if not document["has_password"]:
        return "invited"
    return "password and code" if document["has_code"] else "password"
