"""Filter patterns, by EventBridge's rules, as Lambda documents them (invocation-eventfiltering, with-ddb-filtering)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.driver.filters import compile_filters

RECORD: dict[str, Any] = {
    "eventName": "INSERT",
    "dynamodb": {
        "ApproximateCreationDateTime": 1795435200.5,
        "Keys": {"pk": {"S": "Order#o-1"}, "c": {"N": "101"}},
        "NewImage": {
            "pk": {"S": "Order#o-1"},
            "c": {"N": "101"},
            "names": {"M": {"OrderPlaced": {"BOOL": True}}},
            "note": {"NULL": True},
            "empty": {"S": ""},
            "tags": {"SS": ["red", "blue"]},
            "lines": {"L": [{"S": "a"}, {"N": "1"}]},
        },
        "SizeBytes": 300,
        "SequenceNumber": "111",
        "Nothing": None,
    },
}


def passes(inner: Any) -> bool:
    return compile_filters([json.dumps({"dynamodb": inner})])(RECORD)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        # equals, and, or
        ({"Keys": {"pk": {"S": ["Order#o-1"]}}}, True),
        ({"Keys": {"pk": {"S": ["Order#o-2"]}}}, False),
        ({"Keys": {"pk": {"S": ["Order#o-2", "Order#o-1"]}}}, True),
        ({"Keys": {"pk": {"S": ["order#o-1"]}}}, False),
        ({"Keys": {"pk": {"S": ["Order#o-1"]}, "c": {"N": ["101"]}}}, True),
        ({"Keys": {"pk": {"S": ["Order#o-1"]}, "c": {"N": ["102"]}}}, False),
        # the commit's own map of event names: plain nested equality, or existence
        ({"NewImage": {"names": {"M": {"OrderPlaced": {"BOOL": [True]}}}}}, True),
        ({"NewImage": {"names": {"M": {"OrderPlaced": {"BOOL": [{"exists": True}]}}}}}, True),
        ({"NewImage": {"names": {"M": {"OrderShipped": {"BOOL": [True]}}}}}, False),
        # null, empty
        ({"Nothing": [None]}, True),
        ({"SequenceNumber": [None]}, False),
        ({"NewImage": {"empty": {"S": [""]}}}, True),
        ({"Keys": {"pk": {"S": [""]}}}, False),
        # prefix, suffix, equals-ignore-case
        ({"Keys": {"pk": {"S": [{"prefix": "Order#"}]}}}, True),
        ({"Keys": {"pk": {"S": [{"prefix": "order#"}]}}}, False),
        ({"Keys": {"pk": {"S": [{"suffix": "o-1"}]}}}, True),
        ({"Keys": {"pk": {"S": [{"suffix": "o-2"}]}}}, False),
        ({"Keys": {"pk": {"S": [{"equals-ignore-case": "ORDER#O-1"}]}}}, True),
        # exists: "Exists matching only works on leaf nodes"
        ({"Keys": {"pk": {"S": [{"exists": True}]}}}, True),
        ({"Keys": {"pk": {"S": [{"exists": False}]}}}, False),
        ({"NewImage": {"pk": {"S": [{"exists": True}]}}}, True),
        ({"OldImage": {"pk": {"S": [{"exists": True}]}}}, False),
        ({"OldImage": {"pk": {"S": [{"exists": False}]}}}, True),
        ({"NewImage": [{"exists": True}]}, False),
        ({"NewImage": [{"exists": False}]}, True),
        ({"Nothing": [{"exists": True}]}, True),
        # anything-but
        ({"Keys": {"pk": {"S": [{"anything-but": ["Order#o-2"]}]}}}, True),
        ({"Keys": {"pk": {"S": [{"anything-but": ["Order#o-1", "Order#o-2"]}]}}}, False),
        ({"Keys": {"pk": {"S": [{"anything-but": "Order#o-1"}]}}}, False),
        ({"SizeBytes": [{"anything-but": [300]}]}, False),
        ({"SizeBytes": [{"anything-but": [301]}]}, True),
        ({"Missing": {"S": [{"anything-but": ["x"]}]}}, False),
        # numbers: equal by their text; a DynamoDB number is a text
        ({"SizeBytes": [300]}, True),
        ({"SizeBytes": [300.0]}, False),
        ({"SizeBytes": ["300"]}, False),
        ({"Keys": {"c": {"N": [101]}}}, False),
        ({"SizeBytes": [{"numeric": ["=", 300]}]}, True),
        ({"SizeBytes": [{"numeric": ["=", 300.0]}]}, True),
        ({"SizeBytes": [{"numeric": [">", 10, "<=", 300]}]}, True),
        ({"SizeBytes": [{"numeric": [">", 300]}]}, False),
        ({"SizeBytes": [{"numeric": ["<", 300]}]}, False),
        ({"SizeBytes": [{"numeric": [">=", 300]}]}, True),
        ({"ApproximateCreationDateTime": [{"numeric": [">", 1795435200, "<", 1795435201]}]}, True),
        ({"Keys": {"c": {"N": [{"numeric": [">", 1]}]}}}, False),
        # lists: "an array matches if it intersects"
        ({"NewImage": {"tags": {"SS": ["red"]}}}, True),
        ({"NewImage": {"tags": {"SS": ["green", "blue"]}}}, True),
        ({"NewImage": {"tags": {"SS": ["green"]}}}, False),
        ({"NewImage": {"lines": {"L": {"S": ["a"]}}}}, True),
        ({"NewImage": {"lines": {"L": {"S": ["b"]}}}}, False),
        # $or over several fields
        ({"$or": [{"SizeBytes": [1]}, {"SequenceNumber": ["111"]}]}, True),
        ({"$or": [{"SizeBytes": [1]}, {"SequenceNumber": ["112"]}]}, False),
        ({"$or": [{"SizeBytes": [1]}, {"SequenceNumber": ["111"]}], "Keys": {"pk": {"S": ["x"]}}}, False),
    ],
)
def test_a_pattern_matches_as_eventbridge_says(pattern: Any, matches: bool) -> None:
    assert passes(pattern) is matches


def test_no_pattern_lets_everything_pass() -> None:
    assert compile_filters([])(RECORD)


def test_five_patterns_are_joined_by_or() -> None:
    patterns = [json.dumps({"dynamodb": {"SequenceNumber": [str(at)]}}) for at in (1, 2, 3, 4, 111)]
    assert compile_filters(patterns)(RECORD)
    assert not compile_filters(patterns[:4])(RECORD)


def test_a_removal_is_told_by_its_missing_image() -> None:
    only_images = compile_filters(['{"dynamodb": {"NewImage": {"pk": {"S": [{"exists": true}]}}}}'])
    removal = {"eventName": "REMOVE", "dynamodb": {"Keys": RECORD["dynamodb"]["Keys"]}}
    assert only_images(RECORD)
    assert not only_images(removal)


def test_300_as_it_is_written_counts() -> None:
    """AWS: "For numbers, Lambda also uses string representation. For example, 300, 300.0, and 3.0e2 are not considered
    equal"."""
    assert compile_filters(['{"dynamodb": {"SizeBytes": [300]}}'])(RECORD)
    for other in ("300.0", "3.0e2", "3e2"):
        assert not compile_filters([f'{{"dynamodb": {{"SizeBytes": [{other}]}}}}'])(RECORD)


@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        (['{"dynamodb": {"a": [1]}}'] * 6, "a mapping has at most 5 filter patterns, not 6"),
        (["{"], "the filter pattern '{' is not JSON"),
        (['"text"'], "is not a JSON object with fields"),
        (["{}"], "is not a JSON object with fields"),
        (
            ['{"eventName": ["INSERT"]}'],
            "filters on eventName: mappings on DynamoDB support filtering on the 'dynamodb'",
        ),
        (['{"dynamodb": [{"exists": true}]}'], "has rules for 'dynamodb' itself, which is an object"),
        (['{"dynamodb": {}}'], "holds an empty object"),
        (['{"dynamodb": {"a": "INSERT"}}'], "'a' needs a list of rules, such as"),
        (['{"dynamodb": {"a": []}}'], "'a' needs a list of rules, such as"),
        (['{"dynamodb": {"a": [{"wildcard": "x*"}]}}'], "is none that Lambda has"),
        (['{"dynamodb": {"a": [{"anything-but": {"prefix": "x"}}]}}'], "is none that Lambda has"),
        (['{"dynamodb": {"a": [{"exists": "yes"}]}}'], "is none that Lambda has"),
        (['{"dynamodb": {"a": [{"prefix": 1}]}}'], "is none that Lambda has"),
        (['{"dynamodb": {"a": [{"prefix": "x", "suffix": "y"}]}}'], "a rule has one operator"),
        (['{"dynamodb": {"a": [{"numeric": [">"]}]}}'], "'numeric' needs pairs such as"),
        (['{"dynamodb": {"a": [{"numeric": ["!", 1]}]}}'], "'numeric' needs pairs such as"),
        (['{"dynamodb": {"a": [{"numeric": [">", "1"]}]}}'], "'numeric' needs pairs such as"),
        (['{"dynamodb": {"a": [{"numeric": [">", NaN]}]}}'], "is not JSON: NaN is not a JSON number"),
        (['{"dynamodb": {"$or": {"a": [1]}}}'], "'$or' needs a list of objects"),
        (['{"dynamodb": {"a": ["' + "x" * 4096 + '"]}}'], "has at most 4096 characters"),
    ],
)
def test_a_pattern_that_lambda_would_not_take_is_refused(patterns: list[str], text: str) -> None:
    with pytest.raises(ValueError) as refused:
        compile_filters(patterns)
    assert text in str(refused.value)


@pytest.mark.parametrize("record", [{}, {"dynamodb": None}, {"dynamodb": "text"}, {"dynamodb": {"Keys": ["x", 1]}}])
def test_an_odd_record_does_not_match_and_does_not_raise(record: Any) -> None:
    assert not compile_filters(['{"dynamodb": {"Keys": {"pk": {"S": ["Order#o-1"]}}}}'])(record)
