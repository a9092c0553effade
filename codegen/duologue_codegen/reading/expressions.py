"""Type expressions: `optional list of common.User` and the like, from text to `TypeExpr`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from ..diagnostics import Position, quoted
from ..model import (
    WHOLE_NUMBERS,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    StreamKind,
    StreamOf,
    TextOf,
    TypeExpr,
)
from ..text.tree import MapNode, Node, ScalarNode
from .shape import Shapes

KEYS: Final = "`string`, a whole number such as `int`, an alias of one of them, or an enum"
"""What the keys of a map may be, for findings."""

MAX_WORDS: Final = 32
"""Words in one type expression. `map of K to list of T` has seven."""

_SCALARS: Final = {kind.value: kind for kind in ScalarKind}
_WORD: Final = re.compile(r"\S+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_STREAMS: Final = {tuple(kind.split()): kind for kind in StreamKind}

_Named: TypeAlias = Callable[[str, Position], Ref]


class Expressions:
    """Reads the type expressions of one contract, whose imports it knows."""

    def __init__(self, shapes: Shapes, package: str, packages: Mapping[str, str]) -> None:
        """`packages`: the imported package of each alias."""
        self._shapes = shapes
        self._package = package
        self._packages = packages

    def read(self, node: Node, what: str) -> TypeExpr:
        """The type that `node` spells; `json`, which holds anything, when it spells none."""
        return self._read(node, what, _hint_for_stream)

    def item(self, node: Node, what: str) -> TypeExpr:
        """As `read`, of the items of a call, each of which is a value."""
        return self._read(node, what, _hint_for_items)

    def _read(
        self, node: Node, what: str, hint_for_stream: Callable[[StreamKind], str]
    ) -> TypeExpr:
        if not isinstance(node, ScalarNode) or not isinstance(node.data, str):
            if isinstance(node, MapNode):
                hint = "a type: give the inline object a name under `types` and use that"
            else:
                hint = "a type, such as `string` or `list of int`"
            self._shapes.misshapen(node, what, hint)
            return _anything(node.at)
        words = [(found.group(), found.start()) for found in _WORD.finditer(node.text)]
        stream = _STREAMS.get(tuple(word for word, _ in words[-2:])) or _STREAMS.get(
            tuple(word for word, _ in words[-1:])
        )
        if stream is not None:
            first, last = words[-len(stream.split())], words[-1]
            at = node.part_at(first[1], last[1] + len(last[0]) - first[1])
            message = f"{quoted(stream)} is a result only, and stands alone"
            self._shapes.fault("type-expression", at, message, hint_for_stream(stream))
            return _anything(node.at)
        if not words or len(words) > MAX_WORDS:
            message = "a type expression without words" if not words else "an endless type"
            hint = f"it has at most {MAX_WORDS} words" if words else "write a type, such as `int`"
            self._shapes.fault("type-expression", node.at, message, hint)
            return _anything(node.at)
        return _Parser(self._shapes, node, words, self._named).whole()

    def result(self, node: Node, what: str) -> TypeExpr | StreamOf:
        """As `read`, where a stream may stand as well."""
        if isinstance(node, ScalarNode) and isinstance(node.data, str):
            stream = _STREAMS.get(tuple(node.text.split()))
            if stream is not None:
                return StreamOf(stream, node.at)
        return self.read(node, what)

    def name(self, node: Node, what: str) -> Ref | None:
        """A named type; None when the node spells another expression, or none at all."""
        expression = self.read(node, what)
        if isinstance(expression, Ref):
            return expression
        if expression != _anything(node.at) or (
            isinstance(node, ScalarNode) and node.text == ScalarKind.JSON
        ):
            hint = "expected the name of a type"
            self._shapes.fault("node-shape", node.at, f"{what} is not a named type", hint)
        return None

    def _named(self, word: str, at: Position) -> Ref:
        alias, dot, name = word.rpartition(".")
        if not dot:
            return Ref(self._package, word, None, at)
        return Ref(self._packages.get(alias, ""), name, alias, at)


def _anything(at: Position) -> Scalar:
    return Scalar(ScalarKind.JSON, at)


class _Parser:
    """One expression, word by word, from the left."""

    def __init__(
        self,
        shapes: Shapes,
        node: ScalarNode,
        words: list[tuple[str, int]],
        named: _Named,
    ) -> None:
        self._shapes = shapes
        self._node = node
        self._words = words
        self._named = named
        self._next = 0
        self._failed = False

    def whole(self) -> TypeExpr:
        """The expression, when all the words belong to it."""
        expression = self._alternatives()
        if not self._failed and self._next < len(self._words):
            word, _ = self._words[self._next]
            self._fail(self._next, f"{quoted(word)} does not belong to the type", "")
        return _anything(self._node.at) if self._failed else expression

    def _alternatives(self) -> TypeExpr:
        """One type, or several with `or` between. `optional` and `of` speak of all behind them."""
        start = self._next
        forms = [self._one()]
        while self._peek(0) == "or":
            self._next += 1
            first = self._next
            forms.append(self._one())
            if isinstance(forms[-1], OptionalOf):
                hint = "write `optional` in front of the whole type"
                self._fail(first, "`optional` speaks of all alternatives at once", hint)
        return forms[0] if len(forms) == 1 else OneOf(tuple(forms), self._span(start))

    def _one(self) -> TypeExpr:
        start = self._next
        match self._take():
            case "optional":
                inner = self._alternatives()
                if isinstance(inner, OptionalOf):
                    self._fail(start, "`optional optional` says it twice", "say it once")
                return OptionalOf(inner, self._span(start))
            case "list":
                self._expect("of", "`list of T`")
                item = self._alternatives()
                return ListOf(item, self._span(start))
            case "text" if self._peek(0) == "of":
                self._next += 1
                inner = self._alternatives()
                return TextOf(inner, self._span(start))
            case "map":
                self._expect("of", "`map of T` or `map of K to T`")
                return self._map(start)
            case None:
                hint = "a type follows `optional`, `of` and `or`"
                self._fail(start, "the type ends too early", hint)
                return _anything(self._node.at)
            case word if word in _SCALARS:
                return Scalar(_SCALARS[word], self._span(start))
            case word if _NAME.fullmatch(word):
                return self._named(word, self._span(start))
            case word:
                self._fail(start, f"{quoted(word)} is not a type", _hint_for(word))
                return _anything(self._node.at)

    def _map(self, start: int) -> TypeExpr:
        key: TypeExpr | None = None
        if self._peek(1) == "to":
            key = self._one()
            self._take()
        value = self._alternatives()
        if isinstance(key, Scalar) and key.kind is ScalarKind.STRING:
            key = None
        match key:
            case None | Ref():
                return MapOf(key, value, self._span(start))
            case Scalar(kind=kind) if kind in WHOLE_NUMBERS:
                return MapOf(key, value, self._span(start))
            case _:
                word, _ = self._words[start + 2]
                self._fail(start + 2, f"{quoted(word)} cannot be a key", f"a key is {KEYS}")
                return _anything(self._node.at)

    def _take(self) -> str | None:
        word = self._peek(0)
        self._next += 1
        return word

    def _peek(self, ahead: int) -> str | None:
        index = self._next + ahead
        return self._words[index][0] if index < len(self._words) else None

    def _expect(self, word: str, form: str) -> None:
        if self._peek(0) == word:
            self._next += 1
        else:
            self._fail(self._next - 1, f"{quoted(word)} is missing here", f"write {form}")

    def _span(self, first: int) -> Position:
        last = max(first, min(self._next, len(self._words)) - 1)
        if first >= len(self._words):
            return self._node.at
        start = self._words[first][1]
        end = self._words[last][1] + len(self._words[last][0])
        return self._node.part_at(start, end - start)

    def _fail(self, index: int, message: str, hint: str) -> None:
        if self._failed:
            return
        self._failed = True
        index = min(index, len(self._words) - 1)
        word, start = self._words[index]
        at = self._node.part_at(start, len(word))
        self._shapes.fault("type-expression", at, message, hint)


def _hint_for_stream(stream: StreamKind) -> str:
    return f"such as `returns: {stream}`; `bytes` and `string` are values"


def _hint_for_items(stream: StreamKind) -> str:
    return f"each item is a value, such as `bytes` or `string`; a result alone may be a {stream}"


def _hint_for(word: str) -> str:
    """What to write instead of a type as other languages spell it."""
    if re.fullmatch(r"[\w.]+\?", word):
        return f"write `optional {word[:-1]}`"
    if found := re.fullmatch(r"(?:[Ll]ist|[Aa]rray)?[\[<]([\w.]+)[\]>]|([\w.]+)\[\]", word):
        return f"write `list of {found.group(1) or found.group(2)}`"
    if found := re.fullmatch(r"([\w.]+)\|([\w.]+)", word):
        return f"write `{found.group(1)} or {found.group(2)}`"
    return "a type is a scalar, a name, `optional T`, `list of T`, `map of K to T` or `T or U`"
