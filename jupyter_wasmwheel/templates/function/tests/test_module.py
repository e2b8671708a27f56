import pytest

import __MODULE__


def test_greeting_contains_the_name():
    assert "you" in __MODULE__.greet("you")


def test_fibonacci_rejects_too_large_numbers():
    assert __MODULE__.fibonacci(90) == 2880067194370816120
    with pytest.raises(ValueError, match="at most 186"):
        __MODULE__.fibonacci(187)
