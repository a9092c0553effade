import pytest

from duologue_codegen.model.circles import circles


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({}, []),
        ({"a": ["b"], "b": []}, []),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"c": ["a"], "a": ["b"], "b": ["a", "gone"]}, [["a", "b"]]),
        ({"b": ["a"], "a": ["b", "c"], "c": ["c"]}, [["b", "a"], ["c"]]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["a"]}, [["a", "b", "c", "d"]]),
    ],
)
def test_circles_are_found_in_the_order_of_the_graph(
    graph: dict[str, list[str]], found: list[list[str]]
) -> None:
    assert list(circles(graph)) == found


def test_long_circle_is_found_without_recursion() -> None:
    size = 10_000
    graph = {number: [(number + 1) % size] for number in range(size)}
    assert [len(group) for group in circles(graph)] == [size]
