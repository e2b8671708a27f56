import pytest

import __MODULE__


def test_a_duration_is_counted_in_seconds():
    assert __MODULE__.seconds("1h 30m 5s") == 5405


@pytest.mark.parametrize(
    ("text", "why"),
    [("1h 5x", '"x" is no unit'), ("h", "a number is wrong"), (f"{2**63}h", "longer than 64 bits")],
)
def test_what_is_no_duration_raises_an_exception_of_the_modules_own(text, why):
    with pytest.raises(__MODULE__.DurationError, match=why):
        __MODULE__.seconds(text)
    assert issubclass(__MODULE__.DurationError, ValueError)


def test_an_exception_of_pythons_passes_through_rust():
    assert __MODULE__.call_with_each(lambda number: 12 // number, [1, 2, 3]) == [12, 6, 4]
    with pytest.raises(ZeroDivisionError):
        __MODULE__.call_with_each(lambda number: 12 // number, [1, 0, 3])


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(TypeError):
        __MODULE__.seconds(90)
    with pytest.raises(OverflowError):
        __MODULE__.number_at([1, 2, 3], -1)


def test_a_panic_is_no_exception_that_is_caught_by_accident():
    with pytest.raises(BaseException, match="out of bounds") as caught:
        __MODULE__.number_at([1, 2, 3], 3)
    assert type(caught.value).__name__ == "PanicException"
    assert not isinstance(caught.value, Exception)
    assert __MODULE__.number_at([1, 2, 3], 2) == 3, "and Rust goes on working"
