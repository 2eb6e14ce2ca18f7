"""A table's DynamoDB stream, or the Kinesis stream that it feeds: commits and pages, for whoever consumes them."""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..delivery.batches import Delivery
from ..delivery.commit import NUMBERS_END, TIMES_END, check
from ..errors import MalformedMessage
from ..messages import Cost
from ..store import KEYS, Item, Store, Table
from ..stores.dynamodb_items import decode_image
from .application import Application
from .documents import shown
from .outcomes import log_failure

__all__ = ["Records", "handle"]

log: Final = logging.getLogger("cqrsless.sources")

#: Streams that hold no new image: what they tell of is read from the table.
_WITHOUT_IMAGE: Final = frozenset({"KEYS_ONLY", "OLD_IMAGE"})


def handle(event: Mapping[str, Any], context: Any, app: Application) -> dict[str, Any]:
    """Hand commits to the consumers and pages to the tracking processors; answer with the records that failed.

    Lambda takes the lowest of them as its checkpoint, and delivers it and everything behind it again ("Configuring
    partial batch response with DynamoDB and Lambda"). An empty identifier would fail the whole batch, so a record
    without a sequence number raises once the others are handled: they are known when they come again.
    """
    records = Records(app.store)
    records.read(event["Records"])
    failed = set(records.failed)
    if records.commits:
        failed.update(app.consume(records.commits))
    if records.pages:
        failed.update(app.wake(records.pages))
    if records.nameless is not None:
        raise records.nameless
    return {"batchItemFailures": [{"itemIdentifier": name} for name in records.names if name in failed]}


class Records:
    """What a batch of stream records holds: commits, pages of the log, and what could not be read.

    Removals (a TTL's too), records of other tables and items that are gone by now are let go.
    """

    def __init__(self, store: Store) -> None:
        self.commits: list[Delivery] = []
        self.pages: list[Delivery] = []
        #: The sequence number of every record that has one, in the batch's order, each once.
        self.names: dict[str, None] = {}
        self.failed: list[str] = []
        #: Raised for a record without a sequence number.
        self.nameless: MalformedMessage | None = None
        self._store = store
        self._tables: dict[str, Table | None] = {}

    def read(self, records: Iterable[Any]) -> None:
        """Read records as Lambda delivers them; each that cannot be read is a failure of its own."""
        for record in records:
            name: Any = None
            try:
                if "kinesis" in record:
                    change = record["kinesis"]
                    name = self._named(change["sequenceNumber"])
                    record = json.loads(b64decode(change["data"], validate=True))
                    if record.get("dynamodb") is not None:  # else another producer's
                        self._take(name, record, record["dynamodb"], record.get("tableName", ""))
                else:
                    change = record["dynamodb"]
                    name = self._named(change["SequenceNumber"])
                    self._take(name, record, change, record.get("eventSourceARN", ""))
            except Exception as error:
                self._note(name, error)

    def _named(self, name: Any) -> str:
        if type(name) is not str or not name:
            raise ValueError(f"its sequence number is {shown(name)}")
        self.names[name] = None
        return name

    def _take(self, name: str, record: Mapping[str, Any], change: Mapping[str, Any], source: str) -> None:
        if source in self._tables:
            table = self._tables[source]
        elif source:
            table = self._tables[source] = self._table(source)
        else:
            table = _by_keys(change["Keys"])
        if table is None or record.get("eventName") == "REMOVE":
            return
        image = change.get("NewImage")
        if image is not None:
            if table == "events":
                commit = _commit(image)
                if commit is not None:
                    self.commits.append(tuple.__new__(Delivery, (name, commit)))
                    return
            item = decode_image(image, base64_text=True)
        elif change.get("StreamViewType") in _WITHOUT_IMAGE:
            keys = decode_image(change["Keys"], base64_text=True)
            found = self._store.get(table, keys["pk"], keys[KEYS[table][1]], Cost())
            if found is None:
                return
            item = found
        else:
            return
        if type(item.get("pk")) is not str or type(item.get(KEYS[table][1])) is not int:
            held = ", ".join(map(shown, list(item)[:10]))
            raise ValueError(f"its image has not the keys of the table {table}: {held}")
        if table == "events":
            check(item)
        (self.commits if table == "events" else self.pages).append(Delivery(name, item))

    def _table(self, source: str) -> Table | None:
        """Tell which of the application's tables a name, or the ARN of a stream, is of."""
        given = source.partition(":table/")[2].partition("/")[0] if source.startswith("arn:") else source
        prefix = getattr(self._store, "prefix", None)  # a store in this process has none, and takes any
        for table in ("events", "log"):
            if given == f"{prefix}-{table}" or (prefix is None and given.endswith(f"-{table}")):
                return "events" if table == "events" else "log"
        log.warning(
            "records of the table %s are let go: this application's tables are %s-events and %s-log",
            shown(given), prefix or "...", prefix or "...",
        )  # fmt: skip
        return None

    def _note(self, name: Any, error: Exception) -> None:
        if type(name) is str and name:
            log_failure(f"the stream record {name}", _readable(error))
            self.failed.append(name)
            return
        self.nameless = MalformedMessage(f"a stream record has no sequence number to answer with: {error}")
        log_failure("a record of the batch", self.nameless)


def _commit(image: Mapping[str, Any]) -> Item | None:
    """Decode what consumers look at in a commit; nothing where the image is not that of one, as `check` would say."""
    try:
        pk = image["pk"]["S"]
        number, time = int(image["c"]["N"]), int(image["time"]["N"])
        if not pk or type(pk) is not str or not (0 < number < NUMBERS_END and 0 < time < TIMES_END):
            return None
        item: Item = {
            "pk": pk,
            "c": number,
            "time": time,
            "seq": int(image["seq"]["N"]),
            "head": image["head"]["S"],
        }
        if "events" in image:
            body = image["events"]
            item["events"] = body["S"] if "S" in body else b64decode(body["B"], validate=True)
            item["names"] = dict.fromkeys(image["names"]["M"], "1")
        elif "names" in image:
            return None
    except (KeyError, TypeError, ValueError):
        return None
    return item


def _by_keys(keys: Mapping[str, Any]) -> Table | None:
    return "events" if "c" in keys else "log" if "n" in keys else None


def _readable(error: Exception) -> Exception:
    """Say of what a record is made wrongly; what the store raises comes as it is."""
    if isinstance(error, (ValueError, KeyError, TypeError, AttributeError)):
        return MalformedMessage(f"it cannot be decoded: {type(error).__name__}: {error}")
    return error
