"""What `serve`, `connect`, `listen` and `dial` share."""

import pytest

from duologue.endpoints.manner import ConversationOptions, Manner
from duologue.limits import Limits
from duologue.typed.service import Offer


def test_a_misspelt_option_is_named_with_the_function_that_was_called() -> None:
    wrong = ConversationOptions(profil="base")  # type: ignore[typeddict-unknown-key]
    with pytest.raises(TypeError, match=r"serve\(\) got an unexpected keyword argument 'profil'"):
        Manner.of("serve", Offer(()), None, wrong)


def test_options_that_are_not_given_have_the_defaults_of_manner() -> None:
    plain = Manner.of("serve", Offer(()), None, {})
    assert (plain.limits, plain.profile) == (Limits(), "auto")
    assert Manner.of("serve", Offer(()), None, {"profile": "base"}).profile == "base"


def test_every_option_is_a_field_of_manner() -> None:
    assert ConversationOptions.__annotations__.keys() <= set(Manner.__dataclass_fields__)
