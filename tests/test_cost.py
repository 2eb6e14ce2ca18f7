"""The cost page says what its simulation gives."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.cost import PRICES, dollars, simulate

PAGE = (Path(__file__).parent.parent / "docs" / "cost.md").read_text(encoding="utf-8")


def test_the_page_has_the_figures_of_the_simulation() -> None:
    cost, outcomes = simulate(20_000)
    assert sum(outcomes.values()) >= 20_000
    told = re.search(r"takes ([\d.]+) requests, ([\d.]+) read units and\n([\d.]+) write units", PAGE)
    assert told is not None
    assert [float(one) for one in told.groups()] == [
        round(units / 20_000, 2) for units in (cost.requests, cost.read_units, cost.write_units)
    ]
    for name, share in dollars(cost, 20_000, PRICES).items():
        assert re.search(rf"{name.replace('HTTP', 'an HTTP')}.*\| {share:.2f} \|", PAGE), name
