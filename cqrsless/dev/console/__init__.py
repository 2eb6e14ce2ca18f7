"""The console: a page in the browser that shows the application at work, and lets one act on it.

Its page, style and scripts are files of `assets/`; its data come from the JSON API below `/_cqrsless/api/`.
"""

from __future__ import annotations

from .answering import PREFIX, Console

__all__ = ["PREFIX", "Console"]
