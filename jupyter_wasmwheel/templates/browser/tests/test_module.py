import sys

import pytest

import __MODULE__

IN_A_BROWSER = sys.platform == "emscripten"


def test_thread_fails_only_in_a_browser():
    if IN_A_BROWSER:
        with pytest.raises(OSError):
            __MODULE__.sum_in_a_thread([1, 2, 3])
    else:
        assert __MODULE__.sum_in_a_thread([1, 2, 3]) == 6


def test_socket_without_server_is_an_error():
    with pytest.raises(OSError):
        __MODULE__.greeting_of("localhost", 1)


def test_pieces_add_up_to_the_sum():
    numbers = list(range(2500))
    sums = list(__MODULE__.SumInPieces(numbers, 1000))
    assert len(sums) == 3
    assert sums[-1] == sum(numbers)


def test_lines_of_bytes_and_files_are_counted(tmp_path):
    text = b"one\ntwo\nthree"
    (tmp_path / "text").write_bytes(text)
    assert __MODULE__.lines_of(text) == __MODULE__.lines_of_file(str(tmp_path / "text")) == 3
    assert __MODULE__.lines_of(b"") == 0
    with pytest.raises(FileNotFoundError):
        __MODULE__.lines_of_file("/no/such/file")
