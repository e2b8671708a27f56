from array import array

import pytest

import __MODULE__


def test_the_mean_of_an_array_is_read_from_its_memory():
    assert __MODULE__.mean(array("d", [1, 2, 6])) == 3
    assert __MODULE__.mean(memoryview(array("d", [1, 2, 6]))[1:]) == 4


def test_scaling_changes_the_array_itself():
    numbers = array("d", [1, 2, 3])
    __MODULE__.scale(numbers, 10)
    assert numbers.tolist() == [10, 20, 30]


def test_what_is_lent_for_reading_is_not_written():
    view = memoryview(array("d", [1, 2, 3])).toreadonly()
    with pytest.raises(ValueError, match="reading only"):
        __MODULE__.scale(view, 10)


def test_numbers_of_another_kind_or_in_pieces_are_refused():
    with pytest.raises(BufferError):
        __MODULE__.mean(array("f", [1, 2, 3]))
    with pytest.raises(ValueError, match="side by side"):
        __MODULE__.mean(memoryview(array("d", [1, 2, 3, 4]))[::2])


def test_bytes_are_counted_wherever_they_are():
    for data in (b"abba", bytearray(b"abba"), array("B", b"abba")):
        counts = __MODULE__.histogram(data)
        assert (counts[ord("a")], counts[ord("b")], sum(counts)) == (2, 2, 4)


def test_a_wave_is_an_array():
    wave = __MODULE__.wave(4)
    assert isinstance(wave, array)
    assert wave.tolist() == pytest.approx([0, 1, 0, -1])
