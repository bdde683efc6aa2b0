"""Canonical JSON against the examples of RFC 8785, and what is refused."""

import hashlib
import json

import pytest

from unmask.errors import CustodyError
from unmask.serving.custody.canonical_json import canonical_bytes, canonical_sha256, parse_object

# sections 3.2.2 and 3.2.3 of the RFC
RFC_INPUT = r"""{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}"""
RFC_OUTPUT = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
)


def test_the_example_of_the_rfc():
    assert canonical_bytes(parse_object(RFC_INPUT)) == RFC_OUTPUT.encode()


def test_names_are_sorted_by_utf_16_units():
    # U+1F600 is two units from U+D83D on, before U+FB33, although its code point is larger
    value = {"\ufb33": 1, "\U0001f600": 2, "a": 3}
    assert canonical_bytes(value).decode() == '{"a":3,"\U0001f600":2,"\ufb33":1}'


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_the_layout_of_the_text_does_not_matter(indent):
    value = {"b": 1.0, "a": {"d": [1, 2.5], "c": "ü"}}
    text = json.dumps(value, indent=indent, ensure_ascii=indent == 1)
    expected = hashlib.sha256('{"a":{"c":"ü","d":[1,2.5]},"b":1}'.encode()).hexdigest()
    assert canonical_sha256(parse_object(text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "'a' twice"),
        ('{"x": {"a": 1, "b": 3, "a": 1}}', "'a' twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ("[1]", "not a JSON object"),
        ("{", "is not JSON"),
        (b"\xff{}", "is not JSON"),
        ('{"a":' * 100_000, "is not JSON"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(text, reason):
    with pytest.raises(CustodyError, match=reason):
        parse_object(text)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 2**60])
def test_a_number_without_a_canonical_form_is_refused(value):
    with pytest.raises(CustodyError, match="canonical form"):
        canonical_bytes({"a": value})
