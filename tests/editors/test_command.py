"""`newsletter editors …`: the first admin, and what can be mended when nobody gets in."""

from pathlib import Path

import pytest

from tests.command import a_project


@pytest.mark.slow
def test_the_first_admin_gets_a_link_and_no_password_is_on_the_command_line(tmp_path: Path):
    """add prints a link; list says who there is; role, disable and enable do as they say; the last admin stays."""
    project = a_project(tmp_path)
    assert "makes the first one" in project("editors", "list")
    printed = project("editors", "add", "ann@example.com", "--name", "Ann", "--role", "admin")
    assert "https://post.example.com/desk/invitations/" in printed
    project("editors", "add", "bob@example.com", "--name", "Bob")
    assert "is the last admin" in project("editors", "disable", "ann@example.com", status=1)
    project("editors", "role", "bob@example.com", "sender")
    project("editors", "disable", "bob@example.com")
    ann, bob = project.json("editors", "list")["editors"]
    assert ann == {
        "email": "ann@example.com", "name": "Ann", "role": "admin", "has_password": False, "has_code": False,
        "disabled": False, "sessions": 0,
    }  # fmt: skip
    assert (bob["role"], bob["disabled"]) == ("sender", True)
    assert "There is no editor" in project("editors", "password", "eve@example.com", status=1)
    assert "/desk/invitations/" in project("editors", "password", "ann@example.com")
