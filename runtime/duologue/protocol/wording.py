"""Words for people, made of exceptions."""


def words_of(error: BaseException) -> str:
    """What it says; its kind, if it says nothing. No text of ours ends behind its colon."""
    return str(error) or type(error).__name__
