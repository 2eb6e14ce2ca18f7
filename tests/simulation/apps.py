"""Small applications made to be disturbed: every kind of reaction, and rows that tell in which order they were made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from cqrsless import Command, Event, Registry, Rejected, cancel


def market() -> Registry:
    """Views and processors of every sort; each row holds what it was made of, in order."""
    made = Registry("market")
    Stall = made.aggregate("Stall", id_field="stall")
    Visit = made.aggregate("Visit", id_field="stall")

    @made.command_handler("Offer", aggregate=Stall, creation="if_missing")
    def offer(command: Any, stall: Any) -> Any:
        n = (stall or {"n": 0})["n"] + 1
        name = ("Offered", "Counted", "Offered", "Cleared")[n % 4]
        events = [Event(name, {**command, "n": n})]
        return {"n": n}, [*events, Event("Counted", {**command, "n": n})] if n % 3 == 0 else events

    @made.command_handler("Look", aggregate=Visit, creation="if_missing")
    def look(command: Any, visit: Any) -> Any:
        n = (visit or {"n": 0})["n"] + 1
        if command.get("rude") and n > 2:
            raise Rejected("the stall is closed to you")
        return {"n": n}, Event("Looked" if n % 3 else "Counted", {**command, "n": n})

    Stalls = made.view("Stalls", key="stall", indexes={"by_tag": ("tag", "n")})

    @made.projector("Offered", "Cleared", view=Stalls)
    def stalls(row: Any, event: Any, *, message: Any) -> Any:
        if message.name == "Cleared":
            return None
        return {"tag": event["tag"], "n": event["n"], "seen": [*(row or {}).get("seen", []), message.id]}

    Shared = made.view("Shared", key="stall")  # one row, and two types of aggregates that both have its id

    @made.projector("Offered", "Looked", "Cleared", view=Shared)
    def shared(row: Any, event: Any, *, message: Any) -> Any:
        row = row or {}
        return {**row, message.source: [*row.get(message.source, []), message.id]}

    Tags = made.view("Tags", key="tag")

    @made.projector("Offered", "Counted", view=Tags, key=lambda event, message: event["tag"])
    def tags(row: Any, event: Any, *, message: Any) -> Any:
        return {"seen": [*(row or {"seen": []})["seen"], message.id]}

    Ladder = made.view("Ladder", key=("tag", "step"))

    @made.projector(
        "Counted", view=Ladder, keys=lambda event, message: [(event["tag"], n) for n in range(event["n"] % 4)]
    )
    def ladder(row: Any, event: Any, *, message: Any) -> Any:
        seen = [*(row or {"seen": []})["seen"], message.id]
        return {"seen": seen} if len(seen) < 4 else None

    made.processor("mailer")
    made.processor("audit", start="beginning", retries=1)
    made.processor("loose", start="beginning", ordered=False)
    made.processor("stern", start="beginning", on_failure="stop")
    book = made.processor("book", mode="tracking", start="beginning", segments=2)
    made.processor("watch", mode="tracking")
    Book = made.view("Book", key="stall", processor=book)

    @made.projector("Offered", "Counted", view=Book)
    def booked(row: Any, event: Any, *, message: Any) -> Any:
        return {"lines": [*(row or {"lines": []})["lines"], message.id]}

    @made.event_handler("Offered", "Cleared", processor="mailer")
    def mail(event: Any, *, message: Any) -> None:
        pass

    @made.event_handler("Cleared", processor="mailer", replay=False)
    def mail_cleared(event: Any) -> None:
        pass

    @made.event_handler("Offered", "Looked", processor="audit")
    def audit(event: Any, *, message: Any) -> None:
        pass

    @made.event_handler("Counted", processor="loose")
    def loose(event: Any) -> None:
        pass

    @made.event_handler("Looked", processor="stern")
    def stern(event: Any) -> None:
        pass

    @made.event_handler("Cleared", "Looked", processor="watch")
    def watch(event: Any) -> None:
        pass

    @made.event_handler("Offered", processor="book")
    def book_offered(event: Any) -> None:
        pass

    @made.publisher("Cleared", "Counted", to="sns://market")
    def publish(event: Any) -> Any:
        return Event("StallChanged", dict(event))

    return made


def market_commands(random: Random) -> Command:
    stall = random.choice("ab")
    if random.random() < 0.7:
        return Command("Offer", {"stall": stall, "tag": random.choice(["x", "y"])})
    return Command("Look", {"stall": stall, "tag": "x", "rude": random.random() < 0.2})


def deals() -> Registry:
    """A process over two aggregates, with a deadline, a refusal as an outcome, and events from outside."""
    made = Registry("deals")
    Deal = made.aggregate("Deal", id_field="deal")
    Stock = made.aggregate("Stock", id_field="stock", event_sourced=True)

    @made.command_handler("OpenDeal", aggregate=Deal, creation="always")
    def open_deal(command: Any, deal: Any) -> Any:
        return {"state": "open"}, Event("DealOpened", dict(command))

    @made.command_handler("ConfirmDeal", aggregate=Deal)
    def confirm(command: Any, deal: Any) -> Any:
        if deal["state"] != "open":
            raise Rejected(f"the deal is {deal['state']}")
        return {"state": "confirmed"}, Event("DealConfirmed", dict(command))

    @made.command_handler("EndDeal", aggregate=Deal)
    def end(command: Any, deal: Any) -> Any:
        if deal["state"] != "open":
            raise Rejected(f"the deal is {deal['state']}")
        return {"state": command["why"]}, Event("DealEnded", dict(command))

    @made.command_handler("Fill", aggregate=Stock, creation="if_missing")
    def fill(command: Any, stock: Any) -> Any:
        return Event("Filled", {"count": command["count"]})

    @made.command_handler("Reserve", aggregate=Stock, creation="if_missing")
    def reserve(command: Any, stock: Any) -> Any:
        if stock.get("left", 0) < 1:
            raise Rejected("there is nothing left")
        return Event("Reserved", {"deal": command["deal"]})

    @made.evolver("Filled", aggregate=Stock)
    def filled(stock: Any, event: Any) -> Any:
        return {"left": stock.get("left", 0) + event["count"]}

    @made.evolver("Reserved", aggregate=Stock)
    def reserved(stock: Any, event: Any) -> Any:
        return {"left": stock["left"] - 1}

    @made.evolver("ReserveRefused", aggregate=Stock)
    def refused(stock: Any, event: Any) -> Any:
        return stock

    File = made.aggregate("File", id_field="deal")

    @made.command_handler("OpenFile", aggregate=File, creation="always")
    def open_file(command: Any, file: Any) -> Any:
        return {"open": True}, Event("FileOpened", dict(command))

    @made.command_handler("CloseFile", aggregate=File)
    def close_file(command: Any, file: Any) -> Any:
        return {"open": False}, Event("FileClosed", dict(command))

    made.processor("clerk", start="beginning")

    @made.event_handler("DealOpened", processor="clerk")
    def begin_file(event: Any) -> Any:
        return Command("OpenFile", {"deal": event["deal"]})

    made.processor("desk", start="beginning")
    made.processor("supplies")

    @made.event_handler("DealOpened", processor="desk")
    def begin(event: Any) -> Any:
        deal = event["deal"]
        yield Command("Reserve", {"stock": event["stock"], "deal": deal}, on_rejected="ReserveRefused")
        yield Command("EndDeal", {"deal": deal, "why": "late"}, id=f"late-{deal}", due=timedelta(minutes=20))

    @made.event_handler("Reserved", processor="desk")
    def go_on(event: Any) -> Any:
        return [Command("ConfirmDeal", {"deal": event["deal"]}), cancel(f"late-{event['deal']}")]

    @made.event_handler("DealConfirmed", processor="desk")
    def end_file(event: Any) -> Any:
        return Command("CloseFile", {"deal": event["deal"]})  # the clerk may not have opened it yet

    @made.event_handler("ReserveRefused", processor="desk")
    def give_in(event: Any) -> Any:
        return Command("EndDeal", {"deal": event["deal"], "why": "refused"})

    @made.event_handler("Delivered", processor="supplies", source="supplier")
    def delivered(event: Any) -> Any:
        return Command("Fill", {"stock": event["stock"], "count": event["count"]})

    Deals = made.view("Deals", key="deal", indexes={"by_state": "state"})

    @made.projector("DealOpened", "DealConfirmed", "DealEnded", view=Deals)
    def deals(row: Any, event: Any, *, message: Any) -> Any:
        return {"state": message.name, "seen": [*(row or {"seen": []})["seen"], message.id]}

    @made.publisher("DealConfirmed", "DealEnded", to="eventbridge://deals")
    def publish(event: Any, *, message: Any) -> Any:
        return Event(message.name, dict(event))

    return made


def deal_commands(random: Random) -> Command:
    deal, stock = f"d-{random.randint(1, 4)}", random.choice("st")
    if random.random() < 0.25:
        return Command("Fill", {"stock": stock, "count": random.randint(1, 2)})
    if random.random() < 0.1:
        return Command("EndDeal", {"deal": deal, "why": "withdrawn"})
    return Command("OpenDeal", {"deal": deal, "stock": stock})


def deliveries(random: Random) -> dict[str, Any]:
    return {"name": "Delivered", "payload": {"stock": random.choice("st"), "count": 1}, "source": "supplier"}


def boxes() -> Registry:
    """One processor and one view, which park at once: for what happens around letters."""
    made = Registry("boxes")
    Box = made.aggregate("Box", id_field="box")

    @made.command_handler("Put", aggregate=Box, creation="if_missing")
    def put(command: Any, box: Any) -> Any:
        n = (box or {"n": 0})["n"] + 1
        return {"n": n}, Event("Put", {**command, "n": n})

    made.processor("post", start="beginning", retries=0)
    shelf = made.processor("shelf", retries=0)
    Shelf = made.view("Shelf", key="shelf", processor=shelf)

    @made.event_handler("Put", processor="post")
    def post(event: Any) -> None:
        pass

    @made.projector("Put", view=Shelf, key=lambda event, message: "s")
    def shelved(row: Any, event: Any, *, message: Any) -> Any:
        return {"seen": [*(row or {"seen": []})["seen"], message.id]}

    return made


def box_commands(random: Random) -> Command:
    return Command("Put", {"box": random.choice("ab")})


def papers() -> Registry:
    """Nothing but readers of the log."""
    made = Registry("papers")
    Paper = made.aggregate("Paper", id_field="paper")

    @made.command_handler("Write", aggregate=Paper, creation="if_missing")
    def write(command: Any, paper: Any) -> Any:
        n = (paper or {"n": 0})["n"] + 1
        return {"n": n}, Event("Written", {**command, "n": n})

    made.processor("old", mode="tracking", start="beginning", segments=2)
    made.processor("new", mode="tracking")

    @made.event_handler("Written", processor="old")
    def read_old(event: Any) -> None:
        pass

    @made.event_handler("Written", processor="new")
    def read_new(event: Any) -> None:
        pass

    return made


def paper_commands(random: Random) -> Command:
    return Command("Write", {"paper": random.choice("abc")})


#: What `simulate` takes, by the application's name.
APPS: dict[str, tuple[Callable[[], Registry], dict[str, Any]]] = {
    "market": (market, {"commands": market_commands, "past": 4, "losses": True}),
    "deals": (deals, {"commands": deal_commands, "external": deliveries, "past": 4}),
    "boxes": (boxes, {"commands": box_commands, "past": 2, "drops": True, "losses": True}),
    "papers": (papers, {"commands": paper_commands, "past": 4, "losses": True}),
}
