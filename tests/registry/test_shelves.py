"""What is the same thing registered again, and what is a second thing of one name."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest

from cqrsless import RegistrationError, Registry
from tests.registry.conftest import Programs

#: Everything that has a name, twice.
DECLARED = {
    "aggregate": 'aggregate("Order", id_field="order_id")',
    "event type": 'event_type("OrderShipped")',
    "processor": 'processor("mailer")',
    "view": 'view("Summary", key="order_id")',
}
DECORATED = {
    "command": '@command_handler("Ship")\ndef {name}(command): ...',
    "query": '@query_handler("Get")\ndef {name}(query): ...',
    "resource": '@resource("rates")\ndef {name}(): ...',
    "evolver": '@evolver("Deposited", aggregate="Account")\ndef {name}(account, event): ...',
    "upcaster": '@upcaster("Deposited", from_version=1)\ndef {name}(payload): ...',
    "state upcaster": '@state_upcaster("Order", from_version=1)\ndef {name}(state): ...',
}


@pytest.mark.parametrize("kind", DECLARED)
def test_two_lines_that_declare_one_name_are_refused_with_both_places(programs: Programs, kind: str) -> None:
    line = DECLARED[kind]
    said = programs.mistake(f"{line}\nOther = 1\n{line}  # here\n")
    assert said.startswith(kind)
    assert said.endswith(f"is registered already ({programs.folder / 'shop_app.py'}:2): rename one of the two")


@pytest.mark.parametrize("kind", DECORATED)
def test_two_functions_of_one_name_are_refused_with_both_places(programs: Programs, kind: str) -> None:
    first, second = DECORATED[kind].format(name="first"), DECORATED[kind].format(name="second")
    said = programs.mistake(f"{first}\n\n{second.replace(')', ')  # here', 1)}\n")
    assert said.startswith(kind)
    assert said.endswith(f"is registered already ({programs.folder / 'shop_app.py'}:2): rename one of the two")


@pytest.mark.parametrize("kind", DECORATED)
def test_a_block_that_was_pasted_twice_is_refused(programs: Programs, kind: str) -> None:
    block = DECORATED[kind].format(name="same")
    said = programs.mistake(f"{block}\n\n{block.replace(')', ')  # here', 1)}\n")
    assert said.endswith(f"is registered already ({programs.folder / 'shop_app.py'}:2): rename one of the two")


@pytest.mark.parametrize(
    ("decorator", "parameters", "says", "advice"),
    [
        (
            '@event_handler("Shipped", processor="mailer")',
            "event",
            "event handler of processor 'mailer' for 'Shipped' (tell)",
            ", as a handler's message.idempotency_key is made of it",
        ),
        (
            '@publisher("Shipped", to="sns://shop")',
            "event",
            "publisher to 'sns://shop' for 'Shipped' (tell)",
            ", as the ids of what a publisher sends are made of it",
        ),
        ('@projector("Shipped", view="V")', "row, event", "projector of view 'V' for 'Shipped' (tell)", ""),
    ],
)
def test_two_reactions_by_functions_of_one_name_are_told_to_rename_a_function(
    programs: Programs, decorator: str, parameters: str, says: str, advice: str
) -> None:
    function = f"def tell({parameters}): ...\n"
    said = programs.mistake(f"{decorator}\n{function}{decorator}  # here\n{function}")
    first = f"({programs.folder / 'shop_app.py'}:2)"
    assert said == f"{says} is registered already {first}: give one of the two functions another name{advice}"


def test_one_name_in_two_modules_is_refused(programs: Programs) -> None:
    programs.run('@command_handler("Ship")\ndef ship(command): ...', "shop_shipping")
    said = programs.mistake('@command_handler("Ship")  # here\ndef ship(command): ...')
    assert f"({programs.folder / 'shop_shipping.py'}:2): rename one of the two" in said


def test_a_command_and_a_query_may_have_one_name(registry: Registry) -> None:
    registry.command_handler("Order")(lambda command: None)
    registry.query_handler("Order")(lambda query: None)
    assert registry.freeze().commands["Order"].fn is not registry.freeze().queries["Order"].fn


@pytest.mark.parametrize("source", [*DECLARED.values(), *(text.format(name="it") for text in DECORATED.values())])
def test_a_reloaded_module_replaces_what_it_registered(programs: Programs, source: str) -> None:
    programs.run(source)
    revision = programs.registry.revision
    programs.reload(source)
    programs.reload("import os\n\n" + source)
    gc.collect()
    programs.reload("\n" + source)
    assert programs.registry.revision == revision + 3


def test_a_reloaded_handler_is_the_new_one(programs: Programs) -> None:
    before = programs.run('@command_handler("Ship")\ndef ship(command):\n    return "old"').ship
    after = programs.reload('\n@command_handler("Ship")\ndef ship(command):\n    return "new"').ship
    record = programs.registry.freeze().commands["Ship"]
    assert record.fn is after is not before
    assert record.fn({}) == "new"


def test_a_reload_may_change_what_is_declared(programs: Programs) -> None:
    programs.run('Order = aggregate("Order", id_field="order_id")')
    programs.reload('Order = aggregate("Order", id_field="id", event_sourced=True)')
    assert programs.registry.freeze().aggregates["Order"].record.id_field == ("id",)


def test_a_reload_after_a_failed_import_starts_anew(programs: Programs) -> None:
    source = 'aggregate("Order", id_field="id")\n@command_handler("Ship")\ndef ship(command): ...\n'
    with pytest.raises(ZeroDivisionError):
        programs.run(source + "1 / 0")
    programs.run(source)
    assert "Ship" in programs.registry.freeze().commands


def test_a_block_that_was_pasted_twice_is_refused_in_a_reload_too(programs: Programs) -> None:
    block = '@command_handler("Ship")\ndef ship(command): ...\n'
    programs.run(block)
    with pytest.raises(RegistrationError, match="command 'Ship' is registered already"):
        programs.reload(block + block)


def test_a_handler_renamed_before_a_reload_loses_its_old_name(programs: Programs) -> None:
    programs.run('@command_handler("Ship", route="POST /ship")\ndef ship(command): ...')
    programs.reload('@command_handler("SendOrder", route="POST /ship")\ndef ship(command): ...')
    assert set(programs.registry.freeze().commands) == {"SendOrder"}


def test_an_evolver_that_gives_up_an_event_before_a_reload_leaves_it_to_another(programs: Programs) -> None:
    account = 'aggregate("Account", id_field="id", event_sourced=True)\n'
    programs.run(account + '@evolver("A", "B", aggregate="Account")\ndef fold(account, event): ...')
    module = programs.reload(
        account
        + '@evolver("A", aggregate="Account")\ndef fold(account, event): ...\n'
        + '@evolver("B", aggregate="Account")\ndef fold_b(account, event): ...\n'
    )
    evolvers = programs.registry.freeze().aggregates["Account"].evolvers
    assert {event: record.fn for event, record in evolvers.items()} == {"A": module.fold, "B": module.fold_b}


def test_functions_of_one_name_for_several_commands_all_outlive_a_reload(programs: Programs) -> None:
    source = '@command_handler("A")\ndef handle(command): ...\n@command_handler("B")\ndef handle(command): ...\n'
    programs.run(source)
    programs.reload("\n" + source)
    assert set(programs.registry.freeze().commands) == {"A", "B"}


def test_an_event_may_have_many_handlers(programs: Programs) -> None:
    programs.run("""
@event_handler("OrderShipped")
def tell_customer(event): ...
@event_handler("OrderShipped")
def tell_warehouse(event): ...
@publisher("OrderShipped", to="sns://a")
@publisher("OrderShipped", to="sns://b")
def publish(event): ...
view("A", key="id")
view("B", key="id")
@projector("OrderShipped", view="A")
@projector("OrderShipped", view="B")
def project(row, event): ...
""")
    model = programs.registry.freeze()
    assert len(model.event_handlers) == 2
    assert len(model.publishers) == 2
    assert len(model.projectors) == 2


def test_reloaded_reactions_are_not_doubled(programs: Programs) -> None:
    source = """
view("A", key="id")
@event_handler("OrderShipped")
def tell(event): ...
@publisher("OrderShipped", to="sns://a")
def publish(event): ...
@projector("OrderShipped", view="A")
def project(row, event): ...
@middleware
def timed(message, call_next): ...
@middleware()
def logged(message, call_next): ...
"""
    programs.run(source)
    module = programs.reload(source.replace("OrderShipped", "OrderSent"))
    model = programs.registry.freeze()
    assert [record.fn for record in model.event_handlers] == [module.tell]
    assert [record.names for record in model.publishers] == [("OrderSent",)]
    assert [record.fn for record in model.projectors] == [module.project]
    assert [record.fn for record in model.middleware] == [module.timed, module.logged]


def test_middleware_keeps_its_order_through_a_reload(programs: Programs) -> None:
    first = "@middleware\ndef outer(message, call_next): ...\n"
    programs.run(first, "shop_outer")
    programs.run("@middleware\ndef inner(message, call_next): ...\n")
    programs.reload(first, "shop_outer")
    assert [record.fn.__name__ for record in programs.registry.freeze().middleware] == ["outer", "inner"]


def test_middleware_of_one_factory_is_as_many_as_were_made(registry: Registry) -> None:
    def tagged(tag: str) -> None:
        @registry.middleware
        def tag_it(message: Any, call_next: Any) -> Any:
            return tag, call_next(message)

    tagged("a")
    tagged("b")
    first, second = registry.freeze().middleware
    assert first.fn(None, lambda message: "x") == ("a", "x")
    assert second.fn(None, lambda message: "x") == ("b", "x")


def test_a_line_that_runs_twice_with_the_same_thing_is_no_mistake(registry: Registry) -> None:
    for _ in range(2):
        registry.aggregate("Order", id_field="order_id")

        @registry.command_handler("Ship", aggregate="Order")
        def ship(command: Any, order: Any) -> Any: ...

    assert registry.freeze().commands["Ship"].fn is ship


def test_a_line_that_runs_twice_with_different_things_is_refused(registry: Registry) -> None:
    advice = "this line ran twice with different things; rename one, or give each run a Registry of its own"
    with pytest.raises(RegistrationError, match=f"aggregate 'Order' is registered already .*: {advice}"):
        for field in ("a", "b"):
            registry.aggregate("Order", id_field=field)
    with pytest.raises(RegistrationError, match=f"command 'Ship' is registered already .*: {advice}"):
        for field in ("a", "b"):

            @registry.command_handler("Ship")
            def ship(command: Any, *, field: str = field) -> str:
                return field


def test_handlers_made_in_a_loop_are_not_lost_one_after_the_other(registry: Registry) -> None:
    def notify(address: str) -> None:
        @registry.event_handler("OrderShipped")
        def tell(event: Any) -> Any:
            return address

    notify("a")
    with pytest.raises(RegistrationError, match=r"for 'OrderShipped' .*tell.* is registered already"):
        notify("b")


def test_one_function_under_one_name_with_other_options_is_refused(registry: Registry) -> None:
    def ship(command: Any) -> Any: ...

    registry.command_handler("Ship")(ship)
    with pytest.raises(RegistrationError, match="rename one of the two"):
        registry.command_handler("Ship", route="POST /ship")(ship)


def test_a_decorator_used_twice_does_not_remember_its_first_use(programs: Programs) -> None:
    module = programs.run("""
shipping = event_handler("OrderShipped")

@shipping
def first(event, *, message): ...

@shipping
def second(event): ...

counted = query_handler("Count")
""")
    first, second = programs.registry.freeze().event_handlers
    assert (first.fn, first.inject) == (module.first, ("message",))
    assert (second.fn, second.inject) == (module.second, ())


def test_a_file_loaded_under_two_names_is_said_to_be(programs: Programs, tmp_path: Path) -> None:
    source = '@command_handler("Ship")\ndef ship(command): ...'
    programs.run(source)
    path = programs.write(source)
    namespace = {"__name__": "__main__", "__file__": str(path)}
    with pytest.raises(RegistrationError) as caught:
        exec(compile(path.read_text(), str(path), "exec"), namespace)
    assert str(caught.value).endswith(
        f"command 'Ship' is registered already ({path}:2): the file is loaded under two names, 'shop_app' and "
        "'__main__'; import it under one"
    )


def test_what_a_module_declares_under_two_names_is_refused_too(programs: Programs) -> None:
    source = 'aggregate("Order", id_field="id")'
    programs.run(source)
    path = programs.write(source)
    with pytest.raises(RegistrationError, match="the file is loaded under two names, 'shop_app' and '__main__'"):
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__", "__file__": str(path)})


def test_a_function_that_declares_what_its_module_declared_is_not_a_reload(programs: Programs) -> None:
    module = programs.run("""
aggregate("Order", id_field="order_id")

def declare():
    aggregate("Order", id_field="id")
""")
    gc.collect()
    with pytest.raises(RegistrationError, match=r"aggregate 'Order' is registered already .*: rename one of the two"):
        module.declare()


def test_a_cell_of_a_notebook_may_run_again(registry: Registry) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "registry": registry}
    for number, answer in enumerate(("old", "new")):
        cell = f'@registry.query_handler("Get")\ndef get(query):\n    return "{answer}"'
        exec(compile(cell, f"<cell {number}>", "exec"), namespace)
        exec(compile('registry.view("A", key="id")', f"<cell {number} below>", "exec"), namespace)
    assert registry.freeze().queries["Get"].fn({}) == "new"
    with pytest.raises(RegistrationError, match=r"<cell 3>:2: view 'B' is registered already \(<cell 3>:1\)"):
        exec(compile('registry.view("B", key="id")\n' * 2, "<cell 3>", "exec"), namespace)


def test_two_registries_know_nothing_of_each_other() -> None:
    sales, billing = Registry("sales"), Registry("billing")

    @sales.command_handler("Create")
    @billing.command_handler("Create")
    def create(command: Any) -> Any: ...

    billing.aggregate("Invoice", id_field="invoice_id")
    sales.query_handler("Get")(lambda query: None)
    assert sales.freeze().commands["Create"].fn is billing.freeze().commands["Create"].fn is create
    assert set(sales.freeze().queries) == {"Get"}
    assert set(billing.freeze().queries) == set()
    assert dict(sales.freeze().aggregates) == {}
    sales.command_handler("Bill", aggregate="Invoice")(lambda command, invoice: {})
    with pytest.raises(RegistrationError, match="'Invoice', which registry 'sales' does not have"):
        sales.freeze()


def test_a_refused_registration_leaves_everything_as_it_was(registry: Registry) -> None:
    registry.command_handler("Ship")(lambda command: "first")
    revision, model = registry.revision, registry.freeze()
    with pytest.raises(RegistrationError):
        registry.command_handler("Ship")(lambda command: "second")
    assert registry.revision == revision
    assert registry.freeze() is model


def test_a_registry_keeps_no_frame_and_no_code_of_a_module_alive(programs: Programs) -> None:
    programs.run('big = bytearray(10)\n@command_handler("Ship")\ndef ship(command): ...')
    kept = programs.registry._shelves.commands._kept["Ship"]
    gc.collect()
    assert kept.origin.site.run() is None


def test_registering_from_several_threads_loses_nothing(registry: Registry) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def handle(command: Any) -> Any: ...

    def register(number: int) -> None:
        registry.command_handler(f"Command{number}")(handle)
        registry.freeze()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(register, range(100)))
    finally:
        sys.setswitchinterval(before)
    assert registry.revision == 100
    assert len(registry.freeze().commands) == 100
