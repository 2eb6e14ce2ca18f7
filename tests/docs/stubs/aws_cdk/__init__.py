"""As much of the CDK as the documentation uses: it needs Node, and is no dependency of the project's."""

from __future__ import annotations


class App:
    def synth(self) -> None: ...


class Stack:
    def __init__(self, scope: App, id: str) -> None: ...
