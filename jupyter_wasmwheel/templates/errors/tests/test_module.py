import pytest

import __MODULE__


def test_seconds_of_a_duration():
    assert __MODULE__.seconds("1h 30m 5s") == 5405


@pytest.mark.parametrize(
    ("text", "why"),
    [("1h 5x", "unknown unit"), ("h", "invalid number"), (f"{2**63}h", "exceeds 64 bits")],
)
def test_invalid_duration_raises_the_exception_of_the_module(text, why):
    with pytest.raises(__MODULE__.DurationError, match=why):
        __MODULE__.seconds(text)
    assert issubclass(__MODULE__.DurationError, ValueError)


def test_exception_in_python_passes_through_rust():
    assert __MODULE__.call_with_each(lambda number: 12 // number, [1, 2, 3]) == [12, 6, 4]
    with pytest.raises(ZeroDivisionError):
        __MODULE__.call_with_each(lambda number: 12 // number, [1, 0, 3])


def test_invalid_arguments_are_rejected():
    with pytest.raises(TypeError):
        __MODULE__.seconds(90)
    with pytest.raises(OverflowError):
        __MODULE__.number_at([1, 2, 3], -1)


def test_panic_is_not_caught_by_except_exception():
    with pytest.raises(BaseException, match="out of bounds") as caught:
        __MODULE__.number_at([1, 2, 3], 3)
    assert type(caught.value).__name__ == "PanicException"
    assert not isinstance(caught.value, Exception)
    assert __MODULE__.number_at([1, 2, 3], 2) == 3, "Rust continues to work"
