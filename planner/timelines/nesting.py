"""Which composition lies in which: cycles, depth, and the order in which they can be worked on.

In: for each composition the compositions that its clips show. Passive; plain functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

Children = Mapping[str, Sequence[str]]
"""For each composition, the one that each composition clip in it shows; a name stands once for each clip."""


def cycles(children: Children) -> list[tuple[str, ...]]:
    """Loops of compositions that contain one another, such as (a, b, a); one for each edge that has to go."""
    graph = {name: set(inner) for name, inner in children.items()}
    found: list[tuple[str, ...]] = []
    while True:
        try:
            deepest_first(graph)
        except CycleError as error:
            innermost_first: list[str] = error.args[1]
            loop = tuple(reversed(innermost_first))
            found.append(loop)
            graph[loop[0]].discard(loop[1])
        else:
            return found


def deepest_first(children: Mapping[str, Iterable[str]]) -> list[str]:
    """Every composition behind all that it contains. Raises graphlib.CycleError."""
    return list(TopologicalSorter(children).static_order())


def deepest_chain(children: Children, roots: Iterable[str]) -> tuple[str, ...]:
    """The longest way down from the compositions in `roots`, which must have no cycle."""
    chains: dict[str, tuple[int, str | None]] = {}
    for name in deepest_first(children):
        below = max(children.get(name, ()), key=lambda inner: chains[inner][0], default=None)
        chains[name] = (1 + (chains[below][0] if below is not None else 0), below)
    step = max(roots, key=lambda inner: chains[inner][0], default=None)
    chain: list[str] = []
    while step is not None:
        chain.append(step)
        step = chains[step][1]
    return tuple(chain)


def instances(children: Children, clips: Mapping[str, int], roots: Iterable[str]) -> int:
    """Clips below `roots`, counted once for each way that leads to them; `clips` counts those of each composition."""
    totals: dict[str, int] = {}
    for name in deepest_first(children):
        totals[name] = clips.get(name, 0) + sum(totals[inner] for inner in children.get(name, ()))
    return sum(totals[name] for name in roots)
