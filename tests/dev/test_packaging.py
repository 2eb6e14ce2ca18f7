"""What is installed holds the console's own files."""

from __future__ import annotations

from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent.parent


def test_the_wheel_holds_every_file_of_the_console() -> None:
    assets = ROOT / "cqrsless" / "dev" / "console" / "assets"
    wanted = {path.relative_to(ROOT).as_posix() for path in assets.rglob("*") if path.is_file()}
    assert len(wanted) > 15
    assert wanted <= {found.distribution_path for found in WheelBuilder(str(ROOT)).recurse_included_files()}
