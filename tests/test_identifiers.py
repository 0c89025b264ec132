"""Hostile names become harmless, distinct VHDL identifiers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ir.identifiers import Identifiers


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("conv2d_1", "conv2d_1"),
        ("Conv 2D/ReLU", "conv_2d_relu"),
        ('"; rm -rf / #', "rm_rf"),
        ("entity", "entity_2"),
        ("small", "small_2"),
        ("Süß--größe", "su_groe"),
        ("3x3", "n_3x3"),
        ("", "n"),
        ("日本", "n"),
        ("__a__", "a"),
        ("\n-- evil", "evil"),
    ],
)
def test_names_become_identifiers(name: str, identifier: str) -> None:
    assert Identifiers().new(name) == identifier


def test_two_names_that_become_one_identifier_are_told_apart() -> None:
    names = Identifiers()
    assert [names.new(n) for n in ("a b", "a_b", "A-B", "a_b_2")] == [
        "a_b", "a_b_2", "a_b_3", "a_b_2_2",
    ]  # fmt: skip


@given(st.lists(st.text(max_size=80), max_size=20))
def test_any_names_give_distinct_basic_identifiers(names: list[str]) -> None:
    identifiers = Identifiers()
    made = [identifiers.new(name) for name in names]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[a-z](_?[a-z0-9])*", name) and len(name) < 60 for name in made)
