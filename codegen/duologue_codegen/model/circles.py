"""Circles in a graph: of types that need each other, of contracts that import each other."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def circles(graph: Mapping[K, Collection[K]]) -> Iterator[list[K]]:
    """Groups of nodes that all lead to each other, in the order of the graph (Tarjan).

    Nodes that lead only to others are in none; one that leads to itself is a group.
    """
    order = {node: number for number, node in enumerate(graph)}
    groups = _strong_components(graph)
    found = [sorted(group, key=lambda node: order[node]) for group in groups]
    found = [group for group in found if len(group) > 1 or group[0] in graph[group[0]]]

    def place(group: list[K]) -> int:
        return order[group[0]]

    yield from sorted(found, key=place)


def _strong_components(graph: Mapping[K, Collection[K]]) -> Iterator[list[K]]:
    # With a stack of its own: a chain of types may be longer than Python's.
    index: dict[K, int] = {}
    low: dict[K, int] = {}
    path: list[K] = []
    on_path: set[K] = set()
    for root in graph:
        if root in index:
            continue
        work: list[tuple[K, Iterator[K]]] = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            node, ahead = work[-1]
            for other in ahead:
                if other not in graph:
                    continue
                if other not in index:
                    index[other] = low[other] = len(index)
                    path.append(other)
                    on_path.add(other)
                    work.append((other, iter(graph[other])))
                    break
                if other in on_path:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = [path.pop()]
                    while group[-1] != node:
                        group.append(path.pop())
                    on_path.difference_update(group)
                    yield group
