import pytest

import __MODULE__


def test_greeting_names_you():
    assert "you" in __MODULE__.greet("you")


def test_fibonacci_ends_where_128_bits_do():
    assert __MODULE__.fibonacci(90) == 2880067194370816120
    with pytest.raises(ValueError, match="at most 186"):
        __MODULE__.fibonacci(187)
