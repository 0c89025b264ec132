"""Rows of a matrix share pairs of terms, and are added in an order that takes few bits."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ir.adders import signed_digits
from ir.datapath import levels
from ir.numbers import IntArray, IntegerType
from ir.resources.adders import cells
from rewrite.stream import term_pairs
from rewrite.stream.common_terms import common_terms
from rewrite.stream.linear import linear
from rewrite.stream.shared_sums import shared_sums
from rewrite.stream.sum_order import Terms, added, sum_order
from rewrite.stream.term_pairs import digits, no_pairs, take_best, terms

UINT8 = IntegerType(8, False)
RANDOM = np.random.default_rng(11)
MATRICES = {
    "random": RANDOM.integers(-128, 128, (9, 12)),
    "one row": RANDOM.integers(-128, 128, (1, 40)),
    "one column": RANDOM.integers(-128, 128, (40, 1)),
    "few digits": RANDOM.integers(-1, 2, (20, 9)),
    "large numbers": RANDOM.integers(-(1 << 24), 1 << 24, (3, 3)),
    "zeros": np.array([[0, 0], [5, 0]]),
}


def pairs_of(matrix: list[list[int]], depth: int = 9) -> list[list[int]]:
    """Return the pairs that are found: two values, shift, whether signs differ."""
    rows = common_terms(np.array(matrix), 255, depth, 0)
    assert np.array_equal(rows.coefficients @ rows.forms, matrix)
    return rows.sources[len(matrix[0]) :].tolist()


def test_rows_share_what_two_of_them_have() -> None:
    assert pairs_of([[1, 2, 4, 0], [1, 2, 0, -4]]) == [[0, 1, 1, 0]]
    assert pairs_of([[1, 2, 4, 0], [1, -2, 0, -4]]) == []
    assert pairs_of([[2, 4, 1, 0], [-1, -2, 0, 1]]) == [[0, 1, 1, 0]]  # times 2, and times -1
    assert pairs_of([[4, -1, 1, 0], [4, -1, 0, 1]]) == [[0, 1, -2, 1]]


def test_a_row_may_have_a_pair_twice() -> None:
    assert pairs_of([[1 + 8, 2 + 16]]) == [[0, 1, 1, 0]]
    assert pairs_of([[5 + 5 * 32]]) == [[0, 0, 2, 0]]


def test_a_coefficient_is_whatever_sum_another_row_has() -> None:
    """3 is 4 - 1, its canonical signed digits, and 2 + 1."""
    assert pairs_of([[3, 2, 0], [1, 2, 1]]) in ([[0, 1, 0, 0]], [[0, 1, 1, 0]])


def test_no_pair_makes_a_row_deeper_than_it_may_be() -> None:
    shared = [[1, 1, 1, 1, 0], [1, 1, 1, 0, 1]]
    assert len(pairs_of(shared, depth=2)) == 1
    assert len(pairs_of(shared, depth=3)) == 2


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("span", [1, 255])
def test_graphs_multiply_with_their_matrix(name: str, span: int) -> None:
    matrix = MATRICES[name]
    least = int(signed_digits(matrix).sum(axis=1).max() - 1).bit_length()
    for depth in (least, least + 2):
        graph = shared_sums(matrix, span, depth, 1)
        assert np.array_equal(graph.matrix(), matrix)
        assert max(levels(linear(graph, UINT8))) <= depth
        assert shared_sums(matrix, span, depth, 1) == graph


def test_pairs_for_which_there_is_no_room_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = MATRICES["random"]
    all_of_them = common_terms(matrix, 255, 9, 0)
    monkeypatch.setattr("rewrite.stream.common_terms.MOST_PAIRS", 300)
    found = common_terms(matrix, 255, 9, 0)
    assert np.array_equal(found.coefficients @ found.forms, matrix)
    assert matrix.shape[1] < len(found.spans) < len(all_of_them.spans)


def test_sharing_saves_adders() -> None:
    matrix = MATRICES["random"]
    alone = [shared_sums(row[None], 255, 9, 0) for row in matrix]
    separate = sum(cells(linear(graph, UINT8))[0] for graph in alone)
    assert cells(linear(shared_sums(matrix, 255, 9, 0), UINT8))[0] < 0.9 * separate


def test_terms_are_all_powers_of_the_shortest_sums() -> None:
    found = np.empty(term_pairs.MOST_TERMS, np.int64)
    for number in range(-300, 300):
        assert digits(number) == signed_digits(np.array(number))
        powers = [sign * 2**shift for shift in range(11) for sign in (1, -1)]
        wanted = {p for p in powers if digits(number - p) == digits(number) - 1}
        assert {*found[: terms(number, found)].tolist()} == wanted


def test_the_best_pair_is_taken_first() -> None:
    pairs = no_pairs(3 * term_pairs.GROUP, 0)
    places = RANDOM.choice(3 * term_pairs.GROUP, 200, replace=False)
    pairs.gains[places] = np.arange(1, 201)
    for group in range(3):
        pairs.bounds[group] = 300.0  # at least the greatest
    assert [take_best(pairs) for _ in places] == places[::-1].tolist()
    assert take_best(pairs) == -1


def stored(bits: list[int], shifts: list[int], signs: list[int] | None = None) -> Terms:
    """Return inputs of so many bits."""
    count = len(bits)
    greatest = np.array([(1 << each) - 1 for each in bits])
    zeros = np.zeros(count, np.int64)
    return Terms(zeros, greatest, np.array(shifts), np.array(signs or [1] * count), zeros.copy())


def bits_of(terms: Terms, order: list[list[int]]) -> int:
    """Return the bits of adders; ``order``: pairs of terms, or of what is added before."""
    found = Terms(*(np.pad(numbers, (0, len(order))) for numbers in terms))
    taken = 0
    for new, pair in enumerate(order, len(terms.levels)):
        left, right, low, high = added(found, *pair)
        shift = int(found.shifts[right] - found.shifts[left])
        own, other = (int(found.greatests[each]).bit_length() for each in (left, right))
        taken += max(0, min(own - shift, other))
        found.leasts[new], found.greatests[new] = low, high
        found.shifts[new], found.signs[new] = found.shifts[left], found.signs[left]
        found.levels[new] = 1 + max(found.levels[left], found.levels[right])
    return taken


def every_order(waiting: list[int], new: int) -> list[list[list[int]]]:
    """Return all orders of adding."""
    if len(waiting) == 1:
        return [[]]
    found = []
    for one, two in combinations(waiting, 2):
        rest = [term for term in waiting if term not in (one, two)]
        found += [[[one, two], *more] for more in every_order([*rest, new], new + 1)]
    return found


@pytest.mark.parametrize("seed", range(8))
def test_six_terms_are_added_within_a_bit_of_the_cheapest_order(seed: int) -> None:
    random = np.random.default_rng(seed)
    shifts, signs = random.integers(0, 4, 6).tolist(), random.choice([-1, 1], 6).tolist()
    terms = stored(random.integers(6, 12, 6).tolist(), shifts, signs)
    every = [bits_of(terms, order) for order in every_order([*range(6)], 6)]
    assert bits_of(terms, sum_order(terms, 5, 30).tolist()) <= min(every) + 1
    assert max(every) > min(every) + 2


def test_equal_terms_are_added_one_by_one_where_that_is_not_too_deep() -> None:
    four = stored([8] * 4, [0] * 4)
    assert bits_of(four, sum_order(four, 3, 30).tolist()) == 8 + 8 + 8
    assert bits_of(four, sum_order(four, 2, 30).tolist()) == 8 + 8 + 9
    assert bits_of(four, sum_order(four, 0, 30).tolist()) == 8 + 8 + 9  # not less than it must be


def test_terms_of_the_same_sign_are_added_first() -> None:
    terms = stored([8] * 4, [0] * 4, [1, -1, 1, -1])
    assert sorted(map(sorted, sum_order(terms, 2, 30).tolist())) == [[0, 2], [1, 3], [4, 5]]


def test_terms_without_common_bits_take_none() -> None:
    apart = stored([4] * 4, [0, 4, 8, 12])
    assert bits_of(apart, sum_order(apart, 3, 30).tolist()) == 0


def test_many_terms_keep_to_their_levels() -> None:
    count = 200
    many = stored([8] * count, RANDOM.integers(0, 8, count).tolist())
    order: IntArray = sum_order(many, 8, 2)
    depth = [0] * count
    for left, right in order.tolist():
        depth.append(1 + max(depth[left], depth[right]))
    assert max(depth) == 8
    assert sorted(order.ravel().tolist()) == [*range(2 * count - 2)]
