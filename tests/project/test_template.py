"""`kefu init`: a project whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli_commands import kefu
from kefu.errors import InputError
from kefu.project import load
from kefu.project.template import create

LIMITED = """
import resource, sys
from kefu.cli import main
most = int(sys.argv[1])
sys.argv = ["kefu", "init", sys.argv[2]]
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
main()
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_project_is_made_in_a_new_or_an_empty_folder(tmp_path: Path, there: bool) -> None:
    shop = tmp_path / "a" / "shop"
    if there:
        shop.mkdir(parents=True)
        inode = shop.stat().st_ino
    files = create(shop)
    assert shop / "kefu.yaml" in files and load(shop).settings.name
    assert not list(tmp_path.rglob(".kefu-init-*"))
    if there:
        assert shop.stat().st_ino == inode  # a terminal that stands in it stays in it


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("most", [0, 500, 3000])
def test_a_disk_without_room_leaves_nothing_and_the_next_try_works(tmp_path: Path, there: bool, most: int) -> None:
    shop = tmp_path / "a" / "shop"
    if there:
        shop.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run([sys.executable, "-c", LIMITED, str(most), shop], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and "File too large" in done.stderr and "[" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert create(shop)


def test_places_that_cannot_be_a_project(tmp_path: Path) -> None:
    (tmp_path / "dang").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    for name, said in (("dang", "is a link to .*nowhere.*not there"), ("file", "is a file")):
        with pytest.raises(InputError, match=said):
            create(tmp_path / name)
    done = kefu("init", "", cwd=tmp_path)
    assert done.returncode == 2 and "no folder is named" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["dang", "file"]


@pytest.mark.parametrize(
    ("folder", "name"), [("water", "water"), ("Water-2", "water-2"), ("123", "123"), ("null", "null"), ("水务", "shop"), ("a b", "shop")]
)
def test_a_project_is_called_as_its_folder_where_that_can_be(tmp_path: Path, folder: str, name: str) -> None:
    create(tmp_path / folder)
    assert load(tmp_path / folder).settings.name == name
