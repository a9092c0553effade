"""The class of generated models, which lets fields be called as they like.

pydantic takes whatever `getattr(model, name)` finds for the default of a field, and so it would
take `mro` and `register`, which every class has from Python's `type` and `ABCMeta`.
"""

from functools import partial
from typing import Any

from pydantic._internal._model_construction import ModelMetaclass


class _Hidden:
    """What classes have and models have not."""

    def __get__(self, model: type, _: type) -> Any:
        raise AttributeError(f"{model.__name__} is a model: its attributes are its fields")


class _HiddenOnceMade(_Hidden):
    """`mro`, which Python asks for while it makes a class, and never again."""

    def __get__(self, model: type, _: type) -> Any:
        being_made: Any = model.__mro__
        if being_made is None:
            return partial(type.mro, model)
        return super().__get__(model, _)


class ModelClass(ModelMetaclass):
    """pydantic's class of models, without attributes that are in the way of fields."""

    register: Any = _Hidden()
    mro: Any = _HiddenOnceMade()
