"""The processes of W3: what each imports, makes ready, and does first.

Every first command comes as the same HTTP event. Where a case writes to DynamoDB, botocore's HTTP session answers by
itself, from after the client is there: no handshake is in any figure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STUB: Final = """
import botocore.awsrequest, botocore.httpsession
class _Raw:
    def __init__(self, body): self.body = body
    def stream(self, *_, **__): yield self.body
def _send(self, request):
    target = request.headers.get("X-Amz-Target", b"")
    target = target.decode() if isinstance(target, bytes) else target
    body = b'{"Count":0,"Items":[]}' if target.endswith("Query") else b"{}"
    return botocore.awsrequest.AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, _Raw(body))
botocore.httpsession.URLLib3Session.send = _send
"""
PUT: Final = (
    'c.put_item(TableName="t", Item={"pk":{"S":"a"},"sk":{"N":"1"}}, ConditionExpression="attribute_not_exists(pk)")\n'
)
SCHEMA: Final = """
class Open(marshmallow.Schema):
    account_id = marshmallow.fields.String(required=True)
    owner = marshmallow.fields.String(required=True, validate=marshmallow.validate.Length(min=1, max=100))
schema = Open()
"""
APPLICATION: Final = """
from marshmallow import Schema, fields, validate
from cqrsless import Event, aggregate, command_handler

class Open(Schema):
    account_id = fields.String(required=True)
    owner = fields.String(required=True, validate=validate.Length(min=1, max=100))

Account = aggregate("Account", id_field="account_id")

@command_handler("Open", schema=Open, aggregate=Account, creation="always", route="POST /open")
def open_account(command, account):
    return {"owner": command["owner"]}, Event("Opened", {"owner": command["owner"]})
"""
_CQRSLESS: Final = "assert cqrsless.entrypoint(EV, CTX)['statusCode'] == 201"


class Case(NamedTuple):
    """Stages of one process. `packaged` names the built package that it sees in place of the installed packages."""

    imports: str = ""
    ready: str = ""
    first: str = ""
    stubbed: bool = False
    peer: bool = False
    packaged: str = ""


FLOOR: Final = "boto3, its client, marshmallow: the floor"
OURS: Final = "cqrsless"
BY_HAND: Final = "the same by hand: boto3, marshmallow, one put"
PACKAGED: Final = "cqrsless, packaged"
TRIMMED: Final = "cqrsless, packaged with --trim"
TRIMMED_FLOOR: Final = "the floor, on trimmed data"
POWERTOOLS: Final = "Powertools: HTTP, batch, idempotency"

CASES: Final[dict[str, Case]] = {
    FLOOR: Case("import boto3, marshmallow", "c = boto3.client('dynamodb')"),
    BY_HAND: Case(
        "import json, boto3, marshmallow",
        SCHEMA + "c = boto3.client('dynamodb')",
        "schema.load(json.loads(EV['body']))\n" + PUT,
        stubbed=True,
    ),
    OURS: Case("import cqrsless", "cqrsless.entrypoint", _CQRSLESS, stubbed=True),
    PACKAGED: Case("import cqrsless", "cqrsless.entrypoint", _CQRSLESS, stubbed=True, packaged="whole"),
    TRIMMED: Case("import cqrsless", "cqrsless.entrypoint", _CQRSLESS, stubbed=True, packaged="trimmed"),
    TRIMMED_FLOOR: Case("import boto3, marshmallow", "c = boto3.client('dynamodb')", packaged="trimmed"),
    POWERTOOLS: Case(
        """
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
""",
        """
app = APIGatewayHttpResolver()
@app.post('/open')
def o(): return {'ok': app.current_event.json_body['account_id']}
@idempotent(config=IdempotencyConfig(event_key_jmespath='body'), persistence_store=DynamoDBPersistenceLayer('t'))
def handler(event, context): return app.resolve(event, context)
""",
        "assert handler(EV, CTX)['statusCode'] == 200",
        stubbed=True,
        peer=True,
    ),
    "Powertools: HTTP with validation (no AWS)": Case(
        """
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import BaseModel
""",
        """
app = APIGatewayHttpResolver(enable_validation=True)
class Open(BaseModel):
    account_id: str
    owner: str
@app.post('/open')
def o(cmd: Open) -> dict: return {'ok': True}
""",
        "assert app.resolve(EV, CTX)['statusCode'] == 200",
        peer=True,
    ),
    "chalice (no AWS)": Case(
        "from chalice import Chalice",
        """
app = Chalice(app_name='x')
@app.route('/open', methods=['POST'])
def o(): return {'ok': app.current_request.json_body['account_id']}
""",
        "assert app(CEV, CTX)['statusCode'] == 200",
        peer=True,
    ),
    "eventsourcing (no AWS)": Case(
        "from eventsourcing.application import Application\nfrom eventsourcing.domain import Aggregate, event",
        """
class Account(Aggregate):
    @event('Opened')
    def __init__(self, owner): self.owner, self.balance = owner, 0
app = Application()
""",
        "app.save(Account('Ada'))",
        peer=True,
    ),
    "protean (no AWS)": Case(
        "from protean import Domain, handle\nfrom protean.fields import Identifier, String",
        """
domain = Domain(name='bank')
@domain.aggregate
class Account:
    account_id = Identifier(identifier=True)
    owner = String()
@domain.command(part_of=Account)
class OpenAccount:
    account_id = Identifier(identifier=True)
    owner = String(required=True)
@domain.command_handler(part_of=Account)
class H:
    @handle(OpenAccount)
    def open(self, c):
        domain.repository_for(Account).add(Account(account_id=c.account_id, owner=c.owner))
domain.config['command_processing'] = 'sync'
domain.init(traverse=False)
""",
        "with domain.domain_context(): domain.process(OpenAccount(account_id='a', owner='x'), asynchronous=False)",
        peer=True,
    ),
}

BEFORE: Final = """
import json as _json, sys, time as _time
class CTX:
    aws_request_id = 'r'; function_name = 'f'; memory_limit_in_mb = 128; log_stream_name = 'x'
    invoked_function_arn = 'arn:aws:lambda:eu-west-1:1:function:f'
    @staticmethod
    def get_remaining_time_in_millis(): return 30000
EV = {'version': '2.0', 'routeKey': 'POST /open', 'rawPath': '/open', 'rawQueryString': '',
      'headers': {'content-type': 'application/json'},
      'requestContext': {'http': {'method': 'POST', 'path': '/open'}, 'requestId': 'r', 'stage': '$default',
                         'domainName': 'x'},
      'body': '{"account_id": "a", "owner": "Ada"}', 'isBase64Encoded': False}
CEV = {'requestContext': {'httpMethod': 'POST', 'resourcePath': '/open', 'path': '/open'},
       'headers': {'content-type': 'application/json'}, 'multiValueQueryStringParameters': None, 'pathParameters': {},
       'stageVariables': None, 'isBase64Encoded': False, 'body': '{"account_id": "a", "owner": "Ada"}'}
_told = {}
"""
AFTER: Final = """
_told['modules'] = len(sys.modules)
with open('/proc/self/status') as _status:
    _told['mb'] = next(int(line.split()[1]) / 1024 for line in _status if line.startswith('VmHWM'))
print(_json.dumps(_told))
"""
#: What making a client of DynamoDB takes, step by step; a step within another is left out of that one.
CLIENT: Final = """
import json, time
import botocore.client, botocore.configloader, botocore.credentials, botocore.endpoint_provider, botocore.httpsession
import botocore.loaders, botocore.session
spent, inside = {}, [0.0]
def timed(owner, name, label):
    call = getattr(owner, name)
    def calling(*args, **kwargs):
        begun = time.perf_counter()
        inside.append(0.0)
        try:
            return call(*args, **kwargs)
        finally:
            took = (time.perf_counter() - begun) * 1e3
            step = label(args) if callable(label) else label
            spent[step] = spent.get(step, 0.0) + took - inside.pop()
            inside[-1] += took
    setattr(owner, name, calling)
def file(args):
    name = args[1].rpartition('/')[2].rpartition('\\\\')[2]
    known = ('endpoints', 'partitions', 'service-2', 'endpoint-rule-set-1')
    return 'reading ' + (name if name in known else 'other data')
timed(botocore.loaders.JSONFileLoader, 'load_file', file)
timed(botocore.loaders.Loader, 'list_available_services', "looking through the services' folders")
timed(botocore.loaders.Loader, 'determine_latest_version', "looking through the services' folders")
timed(botocore.credentials.CredentialResolver, 'load_credentials', 'credentials')
timed(botocore.endpoint_provider.EndpointProvider, '__init__', 'rules of endpoints')
timed(botocore.client.ClientCreator, '_create_client_class', "the client's class")
timed(botocore.httpsession.URLLib3Session, '__init__', 'connections and TLS')
session = botocore.session.get_session()
make = lambda: session.create_client('dynamodb')
#MAKE
begun = time.perf_counter()
make()
total = (time.perf_counter() - begun) * 1e3
spent['everything else'] = total - inside[0]
print(json.dumps({'total': total, 'steps': spent}))
"""
#: The same for the client of cqrsless, which reads botocore's data by itself.
CLIENT_OURS: Final = CLIENT.replace(
    "#MAKE",
    """
import cqrsless.service_data
from cqrsless.stores.dynamodb import make_client as make
timed(cqrsless.service_data._Files, 'load_file', file)
""",
)


def program(case: Case) -> str:
    stages = [
        ("import", case.imports),
        ("ready", case.ready),
        ("stub", STUB if case.stubbed else ""),
        ("first", case.first),
    ]
    told = [BEFORE]
    for name, code in stages:
        told.append(f"_begun = _time.process_time()\n{code}\n_told[{name!r}] = (_time.process_time() - _begun) * 1e3")
    return "\n".join([*told, AFTER])
