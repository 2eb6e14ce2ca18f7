"""`[tool.cqrsless]`: what it sets, and what it says to what is wrong in it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cqrsless import RegistrationError, Registry
from cqrsless.deploy.configuration import (
    OF_THE_PROJECT,
    Allowed,
    Configuration,
    FunctionSettings,
    HttpSettings,
    ProcessorSettings,
    configuration,
    read,
)
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.planning import plan
from cqrsless.registry import deployments
from cqrsless.registry.deployments import DeploymentSettings
from tests.deploy.shop import one, planned, shop


def test_without_a_section_everything_is_default() -> None:
    assert configuration({}) == Configuration()


def test_a_project_without_the_file_or_without_the_section_is_default(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert read(tmp_path) == (Configuration(), tmp_path / "pyproject.toml")


def test_the_nearest_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.cqrsless]\napp = "orders.app"\nmemory = 512\n[tool.cqrsless.processors.mailer]\ntimeout = 60\n'
    )
    (tmp_path / "deeper").mkdir()
    found, _ = read(tmp_path / "deeper")
    assert (found.memory, found.of("mailer").timeout, found.of("other").timeout) == (512, 60, None)


def test_a_processors_settings_are_its_functions() -> None:
    plan = planned(
        shop("mailer", "audit"),
        {
            "memory": 512,
            "log_days": 7,
            "environment": {"STAGE": "test"},
            "commands": {"timeout": 10, "concurrency": 50},
            "processors": {
                "mailer": {
                    "memory": 1024,
                    "timeout": 60,
                    "batch_size": 20,
                    "batching_window": 3,
                    "parallel": 4,
                    "concurrency": 5,
                    "environment": {"MAIL_FROM": "shop@example.com"},
                    "allow": [{"actions": ["ses:SendEmail"], "resources": ["arn:aws:ses:*:*:identity/shop"]}],
                }
            },
        },
    )
    commands, mailer, audit = plan.functions
    assert (commands.memory, commands.timeout, commands.concurrency) == (512, 10, 50)
    assert (mailer.memory, mailer.timeout, mailer.concurrency) == (1024, 60, 5)
    assert (audit.memory, audit.timeout, audit.concurrency, audit.log_days) == (512, 60, None, 7)
    assert mailer.environment["MAIL_FROM"] == ("shop@example.com",)
    assert mailer.environment["STAGE"] == audit.environment["STAGE"] == ("test",)
    assert "MAIL_FROM" not in audit.environment
    fed = one(plan.stream_mappings, "MailerStreamMapping")
    assert (fed.batch_size, fed.window, fed.parallel) == (20, 3, 4)
    assert any(statement.actions == ("ses:SendEmail",) for statement in plan.role_of(mailer).statements)


def test_a_queues_readers_are_bounded_by_its_mapping() -> None:
    section = {"processors": {"mailer": {"concurrency": 3, "batch_size": 500}}}
    plan = planned(shop("mailer", "audit", view=True), section)
    fed = one(plan.queue_mappings, "MailerQueueMapping")
    assert (fed.concurrency, fed.batch_size) == (3, 10), "a FIFO queue gives ten at a time"
    assert plan.function("MailerFunction").concurrency is None, "what is throttled would use up its receives"
    section = {"processors": {"mailer": {"concurrency": 1}}}
    with pytest.raises(DeploymentError, match=r"has concurrency = 1, and a function that reads a queue .*: write 2"):
        planned(shop("mailer", "audit", view=True), section)


@pytest.mark.parametrize(
    ("section", "error"),
    [
        ({"memroy": 512}, r"\[tool.cqrsless\] has no 'memroy'; did you mean 'memory'?"),
        (
            {"processors": {"mailer": {"batchsize": 1}}},
            r"\[tool.cqrsless.processors.mailer\] has no 'batchsize'; did you mean 'batch_size'?",
        ),
        ({"http": {"autorizer": "iam"}}, r"\[tool.cqrsless.http\] has no 'autorizer'; did you mean 'authorizer'?"),
        ({"commands": {"batch_size": 3}}, r"\[tool.cqrsless.commands\] has no 'batch_size'; it has allow, concurrency"),
        ({"memory": 64}, r"\[tool.cqrsless\] has memory = 64, and it is a whole number from 128 to 10,240"),
        ({"memory": True}, "has memory = True, and it is a whole number"),
        ({"log_days": 31}, "has log_days = 31, and it is one of 1, 3, 5, 7, 14, 30"),
        ({"protect": "no"}, "has protect = 'no', and it is true or false"),
        ({"architecture": "arm"}, "has architecture = 'arm', and it is one of arm64, x86_64"),
        ({"processors": {"m": 3}}, r"\[tool.cqrsless.processors.m\] is 3, and should be a table"),
        ({"processors": []}, r"\[tool.cqrsless.processors\] is \[\], and should be a table"),
        ({"environment": {"A": 1}}, "has environment = {'A': 1}, and it is a table of texts"),
        ({"environment": {"CQRSLESS_STORE": "x"}}, "environment sets CQRSLESS_STORE, which the template sets itself"),
        ({"commands": {"allow": [{"actions": []}]}}, "allow has actions = \\[\\], and it is a list of texts"),
        ({"commands": {"allow": {}}}, "has allow = {}, and it is a list of tables"),
        ({"http": {"authorizer": "jwt"}}, 'has authorizer = "jwt", which needs an issuer = "https://..." and an aud'),
        ({"http": {"issuer": "https://a"}}, 'has an issuer or audience, which need authorizer = "jwt"'),
        ({"layers": ["build/layer"]}, r"has 'build/layer' among its layers, which is neither a zip, as in \"build/ord"),
        ({"layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:x"]}, "nor the ARN of a layer with its version"),
        ({"layers": ["a.zip"] * 6}, "has 6 layers, and Lambda takes 5"),
        (7, r"\[tool.cqrsless\] is 7, and should be a table"),
    ],
)
def test_what_is_wrong_is_an_error_that_says_what_to_write(section: Any, error: str) -> None:
    with pytest.raises(DeploymentError, match=error):
        configuration(section)


def test_what_others_read_is_let_be() -> None:
    assert configuration({"app": "orders.app", "store": "sqlite:///a.db", "package": {"any": 1}}) == Configuration()


# -- in code


def settled(registry: Registry, section: Any = None) -> Configuration:
    return configuration(section or {}, code=registry.freeze().deployment)


def test_code_says_what_the_file_may_say_and_the_file_has_the_last_word() -> None:
    registry = shop("mailer")
    mailer = registry.freeze().processors["mailer"]
    registry.deployment(memory=512, environment={"STAGE": "test", "TABLE": "rates"})
    registry.deployment(
        processors={mailer: {"timeout": 90, "concurrency": 3, "allow": [{"actions": ["a:B"], "resources": ["r"]}]}}
    )
    section = {"memory": 1024, "environment": {"STAGE": "live"}, "processors": {"mailer": {"concurrency": 7}}}
    found = settled(registry, section)
    assert (found.memory, found.of("mailer").timeout, found.of("mailer").concurrency) == (1024, 90, 7)
    assert found.environment == {"STAGE": "live", "TABLE": "rates"}
    assert found.of("mailer").allow == (Allowed(("a:B",), ("r",)),)
    assert settled(registry).memory == 512


def test_everything_may_be_said_in_code_that_the_package_is_not_made_by() -> None:
    settings = DeploymentSettings.__optional_keys__
    assert settings == {one.name for one in fields(Configuration)} - OF_THE_PROJECT
    for kind, of in (
        (FunctionSettings, deployments.FunctionSettings),
        (ProcessorSettings, deployments.ProcessorSettings),
        (HttpSettings, deployments.HttpSettings),
        (Allowed, deployments.Allowed),
    ):
        assert {one.name for one in fields(kind) if one.compare} == of.__required_keys__ | of.__optional_keys__


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"memroy": 512}, r"deployment\(\) has no 'memroy'; did you mean 'memory'\?"),
        ({"memory": 64}, r"deployment\(\) has memory = 64, and it is a whole number from 128 to 10,240"),
        (
            {"processors": {"mailer": {"batchsize": 1}}},
            r"deployment\(\) processors.mailer has no 'batchsize'; did you mean 'batch_size'\?",
        ),
        ({"processors": 3}, r"deployment\(\) processors is 3, and should be a table"),
        ({"processors": {"mailer": ()}}, r"deployment\(\) processors.mailer is \(\), and should be a table"),
        ({"environment": {"A": 1}}, r"deployment\(\) has environment = \{'A': 1\}, and it is a table of texts"),
        ({"http": {"authorizer": "jwt"}}, r'deployment\(\) http has authorizer = "jwt", which needs an issuer'),
        ({"runtime": "python3.12"}, r"deployment\(\) has 'runtime', which belongs into \[tool.cqrsless\] of pyproject"),
        ({"app": "shop"}, r"deployment\(\) has 'app', which belongs into \[tool.cqrsless\]"),
    ],
)
def test_what_is_wrong_in_code_is_an_error_with_its_line(settings: Any, error: str) -> None:
    registry = shop("mailer")
    registry.deployment(**settings)
    line = rf"^tests/deploy/test_configuration\.py:\d+: {error}"
    with pytest.raises(DeploymentError, match=line):
        settled(registry)


def test_what_is_wrong_in_the_file_is_told_of_the_file_whatever_the_code_says() -> None:
    registry = shop("mailer")
    registry.deployment(memory=512, processors={"mailer": {"timeout": 5}})
    with pytest.raises(DeploymentError, match=r"^\[tool.cqrsless\] has memory = 1, and"):
        settled(registry, {"memory": 1})
    with pytest.raises(DeploymentError, match=r"^\[tool.cqrsless.processors.mailer\] has timeout = 0, and"):
        settled(registry, {"processors": {"mailer": {"timeout": 0}}})


def test_a_setting_is_said_once_in_code() -> None:
    registry = shop("mailer")
    registry.deployment(processors={"mailer": {"timeout": 5}})
    registry.deployment(processors={"mailer": {"memory": 512}})
    with pytest.raises(RegistrationError, match=r"setting 'processors.mailer.timeout' is .* already .*: say it once$"):
        registry.deployment(processors={"mailer": {"timeout": 6}})
    with pytest.raises(RegistrationError, match=r"deployment\(\) says nothing: write deployment\(memory=512\)"):
        registry.deployment()


def test_a_processor_that_code_sets_up_and_nobody_has_is_told_with_its_line() -> None:
    registry = shop("mailer")
    registry.deployment(processors={"mailr": {"timeout": 60}})
    found = settled(registry)
    with pytest.raises(DeploymentError, match=r":\d+: deployment\(\) processors.mailr is of no .* 'mailer'"):
        plan(registry.freeze(), found, "shop.app")


def test_tracking_processors_that_share_a_function_are_set_up_together() -> None:
    names = ("a1", "a2", "a3")
    with pytest.raises(DeploymentError, match=r"processors.a2\] has 'memory', and 'a2' is one of 3 tracking .* 'track"):
        planned(shop(*names, mode="tracking"), {"processors": {"a2": {"memory": 512}}})
    found = planned(
        shop(*names, mode="tracking"),
        {"processors": {"tracking": {"memory": 512, "batch_size": 3}, "a2": {"schedules": True}}},
    )
    assert found.function("TrackingFunction").memory == 512
    assert one(found.stream_mappings, "TrackingStreamMapping").batch_size == 3
    assert found.schedule_group is not None
    with pytest.raises(DeploymentError, match="is of no processor"):
        planned(shop("a1", mode="tracking"), {"processors": {"tracking": {"memory": 512}}})


def test_settings_of_a_processor_that_is_not_there_are_an_error() -> None:
    text = r"\[tool.cqrsless.processors.mailr\] is of no processor of the application; did you mean 'mailer'?"
    with pytest.raises(DeploymentError, match=text):
        planned(shop("mailer"), {"processors": {"mailr": {"timeout": 60}}})


def test_a_file_that_is_no_toml_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.cqrsless")
    with pytest.raises(DeploymentError, match=f"{tmp_path}/pyproject.toml cannot be read: "):
        read(tmp_path)
