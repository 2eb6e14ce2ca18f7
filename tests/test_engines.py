"""What happens to tests whose engine cannot be had."""

from __future__ import annotations

import sys

import pytest

from tests.engines import EngineMissing, _do, go_without


def test_a_laptop_without_the_engine_skips_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no network"):
        go_without("no network")


def test_ci_without_the_engine_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no network .CI is set, so this is no reason to skip"):
        go_without("no network")


def test_an_installation_that_fails_says_how() -> None:
    failing = [sys.executable, "-c", "raise SystemExit('no matching distribution')"]
    with pytest.raises(EngineMissing, match="ministack==0 cannot be installed: no matching distribution"):
        _do(failing, "ministack==0")
