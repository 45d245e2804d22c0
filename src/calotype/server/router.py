"""From method and path to a route: one dictionary look-up a segment, whatever the number of routes.

The polled paths are why this is not a list of patterns tried one after another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Target = TypeVar("_Target")


@dataclass(slots=True)
class _Node(Generic[_Target]):
    fixed: dict[str, _Node[_Target]] = field(default_factory=dict)
    named: tuple[str, _Node[_Target]] | None = None
    rest: str | None = None
    targets: dict[str, _Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match(Generic[_Target]):
    """What stands at a path: by method, and the values of the path's names."""

    targets: dict[str, _Target]
    values: dict[str, str]

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the methods this path takes."""
        heads = {"HEAD"} if "GET" in self.targets else set()
        return tuple(sorted({*self.targets, *heads}))

    def of(self, method: str) -> _Target | None:
        """Return the target of a method; a HEAD is a GET whose body is not sent."""
        return self.targets.get("GET" if method == "HEAD" else method)


class Router(Generic[_Target]):
    """A tree of path segments. `{name}` takes one segment, `{name...}` all that is left."""

    def __init__(self) -> None:
        self._root: _Node[_Target] = _Node()

    def add(self, method: str, path: str, target: _Target) -> None:
        """Put a target at a path."""
        node = self._root
        for segment in path.strip("/").split("/"):
            node = self._child(node, segment)
        assert method not in node.targets, f"two routes at {method} {path}"
        node.targets[method] = target

    def match(self, path: str) -> Match[_Target] | None:
        """Return what stands at a path; None when nothing does. A trailing slash makes another path."""
        node = self._root
        values: dict[str, str] = {}
        segments = path[1:].split("/")
        for at, segment in enumerate(segments):
            child = node.fixed.get(segment)
            if child is None:
                if node.named is None or not segment:
                    return None
                name, child = node.named
                if child.rest is not None:
                    values[name] = "/".join(segments[at:])
                    return Match(child.targets, values)
                values[name] = segment
            node = child
        return Match(node.targets, values) if node.targets else None

    @staticmethod
    def _child(node: _Node[_Target], segment: str) -> _Node[_Target]:
        if not segment.startswith("{"):
            return node.fixed.setdefault(segment, _Node())
        name = segment.strip("{}").removesuffix("...")
        if node.named is None:
            node.named = (name, _Node(rest=name if segment.endswith("...}") else None))
        assert node.named[0] == name, f"{segment} stands where {{{node.named[0]}}} does"
        return node.named[1]
