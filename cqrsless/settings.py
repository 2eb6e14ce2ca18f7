"""What the environment says: each setting with its default."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import AppLoadError

__all__ = ["cache_bytes", "dead_letter_queues", "in_lambda", "records_commands", "selected_processor", "store_url"]


def in_lambda(environ: Mapping[str, str]) -> bool:
    return "AWS_LAMBDA_FUNCTION_NAME" in environ or "AWS_LAMBDA_RUNTIME_API" in environ


def store_url(environ: Mapping[str, str]) -> str:
    """Give the store: `CQRSLESS_STORE`, else `dynamodb://cqrsless` in Lambda and `memory://` elsewhere.

    Memory is no default in Lambda, where each environment would lose what it committed.

    >>> store_url({}), store_url({"AWS_LAMBDA_FUNCTION_NAME": "orders"})
    ('memory://', 'dynamodb://cqrsless')
    """
    return environ.get("CQRSLESS_STORE") or ("dynamodb://cqrsless" if in_lambda(environ) else "memory://")


def records_commands(environ: Mapping[str, str], store: str) -> bool:
    """Say whether commits keep their commands, by `CQRSLESS_RECORD_COMMANDS`: `on` (the default on SQLite) or `off`.

    On DynamoDB each byte is billed; and what is counted in memory is to be what DynamoDB would bill.

    >>> records_commands({}, "sqlite:///orders.db"), records_commands({}, "dynamodb://orders")
    (True, False)
    """
    wanted = environ.get("CQRSLESS_RECORD_COMMANDS") or ("on" if store.startswith("sqlite:") else "off")
    if wanted not in ("on", "off"):
        raise AppLoadError(f"CQRSLESS_RECORD_COMMANDS is {wanted!r}: set it to 'on' or 'off'")
    return wanted == "on"


def cache_bytes(environ: Mapping[str, str], most: int) -> int:
    """Give how many bytes of aggregates a process keeps: an eighth of a function's memory, `most` at most.

    >>> cache_bytes({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}, 64 * 1024**2) // 1024**2
    16
    """
    megabytes = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return min(most, int(megabytes) * 1024 * 1024 // 8) if megabytes.isdecimal() else most


def selected_processor(environ: Mapping[str, str]) -> str | None:
    """Give what a function does with commits, by `CQRSLESS_PROCESSOR`; `None`: everything."""
    return environ.get("CQRSLESS_PROCESSOR") or None


def dead_letter_queues(environ: Mapping[str, str]) -> frozenset[str]:
    """Give the dead-letter queues that this function is fed from, by `CQRSLESS_DEAD_LETTERS`: names or ARNs.

    >>> sorted(dead_letter_queues({"CQRSLESS_DEAD_LETTERS": "mail-dead.fifo, arn:aws:sqs:eu-west-1:1:views-dead.fifo"}))
    ['mail-dead.fifo', 'views-dead.fifo']
    """
    given = environ.get("CQRSLESS_DEAD_LETTERS", "").split(",")
    return frozenset(queue.strip().rpartition(":")[2] for queue in given if queue.strip())
