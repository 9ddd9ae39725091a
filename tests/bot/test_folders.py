"""`[[sources]]` in magpie.toml: what is read, and what is ignored with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.folders import EVERYONE, read_folders
from rag import FollowedFolder


def written(data: Path, text: str) -> Path:
    data.mkdir(exist_ok=True)
    (data / "magpie.toml").write_text(text)
    return data


def test_reads_folders_and_who_may_see_them(tmp_path: Path) -> None:
    assert read_folders(tmp_path / "data").folders == ()
    data = written(
        tmp_path / "data",
        '[[sources]]\nfolder = "/srv/handbook"\nvisible_to = "everyone"\n'
        '[[sources]]\nfolder = "s3://bucket/plans"\nvisible_to = ["C0123456789", "G0123456789"]\n',
    )
    named = read_folders(data)
    assert named.problems == ()
    assert named.folders == (
        FollowedFolder("/srv/handbook", (EVERYONE,)),
        FollowedFolder("s3://bucket/plans", ("C0123456789", "G0123456789")),
    )


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('folder = "/srv/a"', "does not say who may see it"),
        ('folder = "/srv/a"\nvisible_to = ["ops"]', "by their ids"),
        ('folder = "/srv/a"\nvisible_to = []', "does not say who may see it"),
        ('folder = "/srv/a"\nvisible_to = "ops"', "does not say who may see it"),
        ('folder = "srv"\nvisible_to = "everyone"', "must be an absolute path"),
        ('folder = "/srv/a"\nvisible_to = "everyone"\ncolor = 1', "no setting color"),
        ('folder = "/srv/handbook/sub"\nvisible_to = "everyone"', "overlaps with /srv/handbook"),
        ('folder = "/srv"\nvisible_to = "everyone"', "overlaps with /srv/handbook"),
        ('folder = "DATA/files"\nvisible_to = "everyone"', "overlaps with the data folder"),
        ('folder = "/"\nvisible_to = "everyone"', "overlaps with the data folder"),
    ],
)
def test_wrong_entry_is_ignored_with_a_reason(tmp_path: Path, entry: str, problem: str) -> None:
    data = tmp_path / "data"
    good = '[[sources]]\nfolder = "/srv/handbook"\nvisible_to = "everyone"\n'
    named = read_folders(written(data, f"{good}[[sources]]\n{entry.replace('DATA', str(data))}\n"))
    assert [folder.folder for folder in named.folders] == ["/srv/handbook"]
    [found] = named.problems
    assert problem in found
    assert found.startswith("[[sources]] number 2 in magpie.toml is ignored: ")


def test_sources_that_are_not_a_list_are_a_problem(tmp_path: Path) -> None:
    assert read_folders(written(tmp_path / "data", 'sources = "/srv"\n')).problems
