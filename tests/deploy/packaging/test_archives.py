"""Archives as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.packaging.archives import write_archive


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DeploymentError, match=r"file/app\.zip cannot be written: "):
        write_archive(tmp_path / "file" / "app.zip", {})


def test_an_archive_that_could_not_be_finished_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "app.zip").mkdir()
    with pytest.raises(DeploymentError, match=r"app\.zip cannot be written: "):
        write_archive(tmp_path / "app.zip", {})
    assert [file.name for file in tmp_path.iterdir()] == ["app.zip"]
