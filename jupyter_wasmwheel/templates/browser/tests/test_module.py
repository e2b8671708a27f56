import sys

import pytest

import __MODULE__

IN_A_BROWSER = sys.platform == "emscripten"


def test_a_thread_is_an_error_in_a_browser_and_works_elsewhere():
    if IN_A_BROWSER:
        with pytest.raises(OSError):
            __MODULE__.sum_in_a_thread([1, 2, 3])
    else:
        assert __MODULE__.sum_in_a_thread([1, 2, 3]) == 6


def test_a_socket_that_nobody_answers_is_an_error():
    with pytest.raises(OSError):
        __MODULE__.greeting_of("localhost", 1)


def test_pieces_come_to_the_same_as_the_whole():
    numbers = list(range(2500))
    sums = list(__MODULE__.SumInPieces(numbers, 1000))
    assert len(sums) == 3
    assert sums[-1] == sum(numbers)


def test_lines_are_counted_in_bytes_and_in_files(tmp_path):
    text = b"one\ntwo\nthree"
    (tmp_path / "text").write_bytes(text)
    assert __MODULE__.lines_of(text) == __MODULE__.lines_of_file(str(tmp_path / "text")) == 3
    assert __MODULE__.lines_of(b"") == 0
    with pytest.raises(FileNotFoundError):
        __MODULE__.lines_of_file("/no/such/file")
