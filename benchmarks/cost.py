"""What a million commands cost: `python -m benchmarks.cost [--commands 20000] [--prices FILE]`.

A shop runs on a store in memory, whose account of requests and units is DynamoDB's. Its orders are created, changed and
shipped by several containers, some commands come twice, some are refused. The units are then priced by `PRICES`, which
are assumptions: read your region's, and give them as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from cqrsless import App, Cost, Event, Registry, Rejected

#: US dollars, on demand: a million of DynamoDB's units, a GB-second of Lambda (arm64), a million requests to either.
PRICES = {
    "write_units": 0.625,
    "read_units": 0.125,
    "lambda_gb_second": 0.0000133334,
    "lambda_requests": 0.20,
    "http_requests": 1.00,
}
#: What a command is taken to keep its function: seconds, and GB of memory.
SECONDS, MEMORY = 0.010, 0.25


def shop() -> Registry:
    made = Registry("shop")
    order = made.aggregate("Order", id_field="order_id")

    @made.command_handler("Create", aggregate=order, creation="always")
    def create(command: Any, state: Any) -> Any:
        return {"status": "placed", "lines": command["lines"]}, Event("Created", command)

    @made.command_handler("Add", aggregate=order)
    def add(command: Any, state: Any) -> Any:
        if state["status"] == "shipped":
            raise Rejected("it has shipped")
        return {**state, "lines": [*state["lines"], command["line"]][-20:]}, Event("Added", command)

    @made.command_handler("Ship", aggregate=order)
    def ship(command: Any, state: Any) -> Any:
        if state["status"] == "shipped":
            raise Rejected("it has shipped")
        return {**state, "status": "shipped"}, Event("Shipped", {"order_id": command["order_id"]})

    return made


def simulate(commands: int, containers: int = 8, seed: int = 1) -> tuple[Cost, dict[str, int]]:
    """Run a workload, and give what it asked of the store and what became of the commands."""
    chance = random.Random(seed)
    registry = shop()
    first = App("memory://", registry=registry)
    apps = [first, *(App(first.store, registry=registry) for _ in range(containers - 1))]
    total, outcomes = Cost(), {"committed": 0, "repeated": 0, "refused": 0}
    orders = 0
    while sum(outcomes.values()) < commands:
        line = {"sku": f"{chance.randrange(10**6):06}", "amount": chance.randint(1, 9), "price": "19.90"}
        if orders == 0 or chance.random() < 0.25:
            orders += 1
            name, payload = "Create", {"order_id": f"o-{orders}", "lines": [line] * 3}
        else:
            order_id = f"o-{max(1, orders - int(chance.expovariate(0.05)))}"  # recent ones are changed most
            kind = chance.random()
            name, payload = (
                ("Ship", {"order_id": order_id}) if kind < 0.3 else ("Add", {"order_id": order_id, "line": line})
            )
        identity = f"c-{chance.getrandbits(64):x}"
        for _ in range(2 if chance.random() < 0.02 else 1):  # one in fifty is sent again
            try:
                result = chance.choice(apps).execute(name, payload, id=identity)
            except Rejected:
                outcomes["refused"] += 1
                total.add(Cost(requests=1, read_units=1))  # a refusal is one strong read of up to 4 KB
                continue
            total.add(result.cost)
            outcomes["repeated" if result.duplicate else "committed"] += 1
    return total, outcomes


def dollars(cost: Cost, commands: int, prices: dict[str, float]) -> dict[str, float]:
    """Price a million such commands."""
    return {
        "DynamoDB writes": cost.write_units / commands * prices["write_units"],
        "DynamoDB reads": cost.read_units / commands * prices["read_units"],
        "Lambda": 1e6 * SECONDS * MEMORY * prices["lambda_gb_second"] + prices["lambda_requests"],
        "HTTP API": prices["http_requests"],
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--commands", type=int, default=20_000)
    arguments.add_argument("--prices", type=Path, help="JSON with some of the prices, in US dollars")
    given = arguments.parse_args()
    prices = {**PRICES, **(json.loads(given.prices.read_text()) if given.prices else {})}
    unknown = sorted(prices.keys() - PRICES.keys())
    if unknown:
        arguments.error(f"there is no price of {unknown[0]!r}; there are {', '.join(PRICES)}")
    cost, outcomes = simulate(given.commands)
    print(f"{given.commands} commands: " + ", ".join(f"{count} {name}" for name, count in outcomes.items()))
    print(
        f"each, on average: {cost.requests / given.commands:.2f} requests, {cost.read_units / given.commands:.2f} read "
        f"units, {cost.write_units / given.commands:.2f} write units\n"
    )
    shares = dollars(cost, given.commands, prices)
    for name, share in shares.items():
        print(f"{name:18} {share:6.2f} $ a million")
    print(f"{'together':18} {sum(shares.values()):6.2f} $")


if __name__ == "__main__":
    main()
