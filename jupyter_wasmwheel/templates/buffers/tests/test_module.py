from array import array

import pytest

import __MODULE__


def test_mean_of_an_array():
    assert __MODULE__.mean(array("d", [1, 2, 6])) == 3
    assert __MODULE__.mean(memoryview(array("d", [1, 2, 6]))[1:]) == 4


def test_scale_changes_the_array():
    numbers = array("d", [1, 2, 3])
    __MODULE__.scale(numbers, 10)
    assert numbers.tolist() == [10, 20, 30]


def test_scale_rejects_read_only_memory():
    view = memoryview(array("d", [1, 2, 3])).toreadonly()
    with pytest.raises(ValueError, match="read-only"):
        __MODULE__.scale(view, 10)


def test_mean_rejects_other_types_and_gaps():
    with pytest.raises(BufferError):
        __MODULE__.mean(array("f", [1, 2, 3]))
    with pytest.raises(ValueError, match="not contiguous"):
        __MODULE__.mean(memoryview(array("d", [1, 2, 3, 4]))[::2])


def test_histogram_of_all_kinds_of_bytes():
    for data in (b"abba", bytearray(b"abba"), array("B", b"abba")):
        counts = __MODULE__.histogram(data)
        assert (counts[ord("a")], counts[ord("b")], sum(counts)) == (2, 2, 4)


def test_wave_is_an_array():
    wave = __MODULE__.wave(4)
    assert isinstance(wave, array)
    assert wave.tolist() == pytest.approx([0, 1, 0, -1])
