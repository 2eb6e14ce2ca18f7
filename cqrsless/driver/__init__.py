"""Event source mappings on this machine: what Lambda does between a stream and a function, as AWS documents it.

Nothing that runs locally honours partial failures, retry limits, bisection and record age of stream mappings, so this
package does. `app.drain()` uses it, and so do the tests, the simulator and the development server. The rules come
from these pages of the Lambda developer guide, quoted where they are tested:

- "How Lambda processes records from stream and queue-based event sources" (invocation-eventsourcemapping)
- "Using Lambda with Amazon DynamoDB" (with-ddb) and its parameters (services-ddb-params)
- "Configuring partial batch response with DynamoDB and Lambda" (services-ddb-batchfailurereporting)
- "Retain discarded records for a DynamoDB event source" (services-dynamodb-errors)
- "Control which events Lambda sends to your function" (invocation-eventfiltering, with-ddb-filtering)
"""

from __future__ import annotations

from .checkpoints import Checkpoints, MemoryCheckpoints, StoreCheckpoints
from .context import LambdaContext
from .disorder import Arrivals, Mischief
from .draining import Drained, Endless, drain
from .dynamodb_streams import StreamsFeed
from .failures import Destination, GivenUp, ObjectDestination, QueueDestination
from .feeds import Feed, Reader, Shard, StoreFeed
from .kinesis import KinesisFeed
from .lanes import NotInvoked
from .mappings import EventSourceMapping
from .polling import Driver, Step

__all__ = [
    "Arrivals",
    "Checkpoints",
    "Destination",
    "Drained",
    "Driver",
    "Endless",
    "EventSourceMapping",
    "Feed",
    "GivenUp",
    "KinesisFeed",
    "LambdaContext",
    "MemoryCheckpoints",
    "Mischief",
    "NotInvoked",
    "ObjectDestination",
    "QueueDestination",
    "Reader",
    "Shard",
    "Step",
    "StoreCheckpoints",
    "StoreFeed",
    "StreamsFeed",
    "drain",
]
