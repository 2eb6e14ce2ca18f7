from __future__ import annotations

from typing import Any


def test_diagram_is_mermaid_on_standard_output(project: Any) -> None:
    text = project.ok("diagram")
    assert text.startswith("flowchart LR\n")
    assert '["CreateOrder"]:::command' in text


def test_diagram_into_a_markdown_file_is_a_block_that_forges_show(project: Any) -> None:
    assert project.ok("diagram", "-o", "model.md") == ""
    text = (project.folder / "model.md").read_text()
    assert text == f"```mermaid\n{project.ok('diagram')}```\n"


def test_diagram_as_json_has_the_nodes_and_edges(project: Any) -> None:
    drawn = project.json("diagram")
    ids = {node["id"]: node["name"] for node in drawn["nodes"]}
    assert ("CreateOrder", "OrderCreated") in {(ids[edge["source"]], ids[edge["target"]]) for edge in drawn["edges"]}
