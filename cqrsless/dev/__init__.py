"""The developer's server: the application on this machine, with all that AWS would do around it, and a console.

`cqrsless dev` runs it. It is for one developer's own machine: nothing here is imported in Lambda, it refuses to run
there, to listen to others and to write to DynamoDB unless it is told so by a flag.
"""

from __future__ import annotations

from .options import Options
from .server import Server
from .serving import serve

__all__ = ["Options", "Server", "serve"]
