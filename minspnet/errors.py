"""The one error type a user can meet, and the one shape of its sentence."""


class UserError(ValueError):
    """Input that cannot be used as given; its text is shown to the user as it stands."""


def requirement(parameter: str, must: str, got: object, remedy: str) -> UserError:
    """Build the sentence: what must hold, what was given, what to do.

    Args:
        parameter: Name of what was given, as the user knows it.
        must: The requirement, starting after "must": ``"lie between 0 and 1"``.
        got: The value that broke it; long values are shortened.
        remedy: What the user can do now.
    """
    shown = str(got)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return UserError(f"{parameter} must {must}, got {shown}; {remedy}.")


def in_a_line(error: Exception) -> str:
    """Say what went wrong elsewhere, short enough to stand within a sentence, and without paths."""
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
