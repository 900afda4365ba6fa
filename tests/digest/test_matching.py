"""The best set of pairs: exact, no tool twice, the same whatever the order of rows, and bounded work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.matching import Edge, Shortlist, edge, heaviest


def bonus(_: str, earlier: int) -> int:
    return 8 >> earlier


def nothing(_: str, earlier: int) -> int:
    return 0 * earlier


def worth(edges: Sequence[Edge], floor: int = 0) -> int | None:
    """What a set is worth, None where it may not be taken."""
    earlier: Counter[str] = Counter()
    total = 0
    for one in sorted(edges):
        gain = one.weight + bonus(one.topic, earlier[one.topic])
        if gain < floor:
            return None
        total += gain
        earlier[one.topic] += 1
    tools = [tool for one in edges for tool in (one.a, one.b)]
    return total if len(set(tools)) == len(tools) else None


def best_of_all(edges: Sequence[Edge], limit: int, floor: int) -> int:
    """The most any set is worth, by trying every one."""
    sets = (chosen for size in range(limit + 1) for chosen in combinations(edges, size))
    return max(found for chosen in sets if (found := worth(chosen, floor)) is not None)


@st.composite
def graphs(draw: st.DrawFn, tools: int = 7) -> list[Edge]:
    """A few tools, some pairs of them; small weights, so that many sets are equally good."""
    pairs = draw(st.sets(st.sampled_from(list(combinations("abcdefgh"[:tools], 2))), max_size=11))
    return [edge(draw(st.integers(0, 20)), a, b, draw(st.sampled_from("xy"))) for a, b in sorted(pairs)]


def star(points: int, limit: int) -> list[Edge]:
    """Many hubs, each with edges to the same few tools: the first edges leave no room for each other."""
    chance = Random(3)  # noqa: S311 - invented weights
    return [
        edge(500 + chance.randrange(12), f"hub-{hub}", f"leaf-{leaf}", "x")
        for hub in range(points)
        for leaf in range(2 * limit)
    ]


def test_the_best_set_is_not_the_greedy_one() -> None:
    edges = [edge(10, "a", "b", "x"), edge(9, "a", "c", "x"), edge(9, "b", "d", "x")]

    assert [one.weight for one in heaviest(edges, 2, bonus=nothing)] == [9, 9]
    assert [one.weight for one in heaviest(edges, 1, bonus=nothing)] == [10]


def test_a_second_topic_beats_a_little_more_weight() -> None:
    edges = [edge(20, "a", "b", "x"), edge(19, "c", "d", "x"), edge(16, "e", "f", "y")]

    assert [one.topic for one in heaviest(edges, 2, bonus=bonus)] == ["x", "y"]
    assert [one.topic for one in heaviest(edges, 2, bonus=nothing)] == ["x", "x"]


def test_an_edge_under_the_floor_is_not_taken_to_fill_a_place() -> None:
    edges = [edge(20, "a", "b", "x"), edge(5, "c", "d", "x"), edge(5, "e", "f", "y")]

    assert [one.a for one in heaviest(edges, 5, bonus=bonus, floor=10)] == ["a", "e"]
    assert heaviest(edges, 0, bonus=bonus) == ()
    assert heaviest([], 5, bonus=bonus) == ()


@settings(max_examples=120, deadline=None)
@given(graphs(), st.integers(0, 4), st.sampled_from([0, 9, 15]))
def test_no_set_is_worth_more(edges: list[Edge], limit: int, floor: int) -> None:
    found = heaviest(edges, limit, bonus=bonus, floor=floor)

    assert len(found) <= limit
    assert worth(found, floor) == best_of_all(edges, limit, floor)


@settings(max_examples=120, deadline=None)
@given(graphs(tools=8), st.integers(1, 2), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_short_list_loses_no_best_set_and_none_of_the_heaviest(
    edges: list[Edge], limit: int, shown: int, random: Random
) -> None:
    lists = {topic: Shortlist(limit, shown, gathered=3) for topic in "xy"}
    for one in random.sample(edges, len(edges)):
        if one.weight >= lists[one.topic].cut:
            lists[one.topic].offer(one)
    short = [one for topic in lists.values() for one in topic.edges()]

    assert heaviest(short, limit, bonus=bonus) == heaviest(edges, limit, bonus=bonus)
    for topic, of_topic in lists.items():
        assert of_topic.edges()[:shown] == sorted(one for one in edges if one.topic == topic)[:shown]


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(0, 4), st.randoms(use_true_random=False))
def test_the_order_of_edges_changes_nothing(edges: list[Edge], limit: int, random: Random) -> None:
    assert heaviest(random.sample(edges, len(edges)), limit, bonus=bonus) == heaviest(edges, limit, bonus=bonus)


def test_a_short_list_stays_short_and_turns_the_light_away() -> None:
    chance, short = Random(1), Shortlist(5, 15)  # noqa: S311 - invented weights
    for a, b in combinations(range(300), 2):
        short.offer(edge(chance.randrange(1_000_000), f"t{a}", f"t{b}", "x"))

    assert len(short.edges()) <= 16 * 9 + 15
    assert short.cut > 990_000


def test_a_spent_budget_gives_the_best_set_met_so_far() -> None:
    edges = star(40, 5)

    none, quick, thorough = (heaviest(edges, 5, bonus=bonus, budget=budget) for budget in (0, 5, 20_000))

    assert none == ()
    assert len(quick) == len(thorough) == 5
    assert 0 < (worth(quick) or 0) <= (worth(thorough) or 0)
