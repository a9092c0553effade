"""Models get pydantic's machinery when they are first used, and their parts get theirs before.

Building all models of a package takes longer than importing it, and most programs use a few of
them. But pydantic, left alone, would build the parts of an unbuilt model within it: again for each
model they are part of, and deeper at each step, until some hundred steps are a `RecursionError`.
So the parts are built first, each once.
"""

import re
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final, ForwardRef, get_args

from pydantic import BaseModel
from typing_extensions import TypeAliasType, TypeIs

_NAME: Final = re.compile(r"\w+")


class _State(threading.local):
    is_building = False


_state: Final = _State()


def is_model(form: object) -> TypeIs[type[BaseModel]]:
    """Whether a type is a class of pydantic's models, and no other form of annotation."""
    return isinstance(form, type) and issubclass(form, BaseModel)


def build_parts_of(model: type[BaseModel]) -> None:
    """Build every model that `model` consists of, unless that is under way already.

    Of models in a circle each is built with those it cannot wait for inside it.
    """
    if _state.is_building:
        return
    _state.is_building = True
    try:
        seen = {model}
        path = [(model, _parts_of(model))]
        while path:
            whole, parts = path[-1]
            part = next(parts, None)
            if part is None:
                path.pop()
                if whole is not model:
                    # What is wrong with it will be said where it is used.
                    whole.model_rebuild(raise_errors=False)
            elif part not in seen and not part.__pydantic_complete__:
                seen.add(part)
                path.append((part, _parts_of(part)))
    finally:
        _state.is_building = False


def _parts_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models that the annotations of `model` mention."""
    module = sys.modules.get(model.__module__)
    names = {} if module is None else vars(module)
    aliases: set[TypeAliasType] = set()
    todo: list[Any] = [field.annotation for field in model.model_fields.values()]
    while todo:
        form = todo.pop()
        if isinstance(form, ForwardRef):
            form = form.__forward_arg__
        if isinstance(form, str):
            # Mentions a class that was not there yet when this one was made.
            todo += (names[name] for name in _NAME.findall(form) if name in names)
        elif isinstance(form, TypeAliasType):
            if form not in aliases:
                aliases.add(form)
                todo.append(form.__value__)
        elif arguments := get_args(form):
            todo += arguments
        elif is_model(form):
            yield form
