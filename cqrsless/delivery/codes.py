"""Which code a run is folded with, and what a container does that has another one.

A deploy with changed projectors begins a new run beside the live one, and nobody has to say so: each container holds
the fingerprint of its code against the control item, which it reads before each batch. Code that was never seen is
newer, and begins its run at once. Code that another has taken the place of is an old container of a rolling deploy, or
was deployed again: it goes on with the live run, and keeps away from a run of other code, whose scan then goes over
the table once more. Only when nobody of the newer code has answered it for a while is it in use again.

A fingerprint reads `cpython-311:5f0c...`. Those of two versions of Python say nothing of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from .runs import Control

#: Microseconds after which code that was not seen at work is in use no more: past Lambda's longest invocation.
QUIET: Final = 15 * 60 * 1_000_000
#: Codes that are remembered: of versions of Python that share a run, and of former deploys.
_SHARING, _REMEMBERED = 4, 8


def among(codes: Iterable[str], code: str) -> bool | None:
    """Say whether a code is one of some; `None` where no fingerprint of the same Python is among them.

    >>> among(["cpython-311:aa"], "cpython-311:aa"), among(["cpython-311:aa"], "cpython-311:bb")
    (True, False)
    >>> among(["cpython-311:aa"], "cpython-312:bb") is None
    True
    """
    given = list(codes)
    if code in given:
        return True
    python = code.rpartition(":")[0]
    return False if any(one.rpartition(":")[0] == python for one in given if one) else None


def feeds_next(control: Control, code: str) -> bool:
    """Say whether a container with this code applies commits to the run that is being built."""
    return control.next is not None and among((control.code,), code) is not False


def begun(control: Control, code: str, at: int) -> Control:
    """Give the control item with a new run listed, to be built with this code."""
    number = control.newest + 1
    past = [*control.former, control.refused, control.code if control.next is not None else ""]
    return replace(
        control,
        next=number, newest=number, cursor=None, done=0, owner="", until=0, code=code, refused="", behind=False,
        asked=0, former=_remembered(past, {code, *control.made}),
        # Whoever builds it applies live commits to the live run as well, and with this code.
        mixed=control.mixed if not code or code in control.made else at,
    )  # fmt: skip


def switched(control: Control, at: int) -> Control:
    """Give the control item once readers go over to the run that was being built."""
    assert control.next is not None
    past = [*control.former, *control.made]
    return replace(
        control,
        live=control.next, old=control.live, next=None, cursor=None, until=0, switched=at, refused="", mixed=0, asked=0,
        made=(control.code,) if control.code else (), former=_remembered(past, {control.code}),
    )  # fmt: skip


def stayed(control: Control, at: int) -> Control:
    """Give the control item once the run that was being built is given up: its readers never come."""
    refused = control.code if control.code not in control.made else ""
    return replace(control, old=control.next, next=None, cursor=None, until=0, switched=at, refused=refused, asked=0)


def noticed(control: Control, code: str, at: int) -> Control:
    """Give what the control item says once a container with this code has come to work; often what it said before."""
    if not code:
        return control
    if control.next is not None:
        if among((control.code,), code) is not False:
            return _answered(control, at)
        if code in control.made or code in control.former:
            return _waiting(replace(control, behind=True), code, at)
        return begun(control, code, at)
    live = among(control.made, code)
    if live is None:
        return replace(control, made=(*control.made, code)[-_SHARING:])
    if live:
        if control.mixed and at - control.mixed >= QUIET:
            return begun(control, code, at)
        return _answered(control, at)
    if code == control.refused:
        return _mixing(control, at)
    if code in control.former:
        return _waiting(_mixing(control, at), code, at)
    return begun(control, code, at)


def _answered(control: Control, at: int) -> Control:
    return replace(control, asked=0, answered=at) if control.asked else control


def _mixing(control: Control, at: int) -> Control:
    return replace(control, mixed=at) if at - control.mixed >= QUIET // 3 else control


def _waiting(control: Control, code: str, at: int) -> Control:
    """Ask whether newer code is still at work; after a while without an answer, this one is in use again."""
    if not control.asked:
        return replace(control, asked=at) if at - control.answered >= QUIET // 3 else control
    if at - control.asked < QUIET:
        return control
    if code not in control.made:
        return begun(control, code, at)
    past = [*control.former, control.code]
    return replace(
        control,
        next=None, cursor=None, done=0, owner="", until=0, code="", behind=False, asked=0, old=control.next,
        switched=at, former=_remembered(past, set(control.made)),
    )  # fmt: skip


def _remembered(codes: Iterable[str], but: set[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for code in codes if code and code not in but))[-_REMEMBERED:]
