//! What a browser does not provide, and what to use instead.
//!
//! Rust's whole standard library is available, but functions that require an operating system
//! return an error, which is an OSError in Python.

use std::io::{self, Read};
use std::net::TcpStream;
use std::{fs, thread};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

// What does not work in a page.

/// Add up numbers in a thread, which a page does not have.
#[pyfunction]
fn sum_in_a_thread(numbers: Vec<i64>) -> PyResult<i64> {
    // `thread::spawn` would panic; the Builder returns an error.
    let worker = thread::Builder::new().spawn(move || numbers.iter().sum())?;
    worker
        .join()
        .map_err(|_| PyOSError::new_err("the thread panicked"))
}

/// Read the greeting of a host from a socket, which a page does not have.
#[pyfunction]
fn greeting_of(host: &str, port: u16) -> PyResult<String> {
    let mut greeting = String::new();
    TcpStream::connect((host, port))?.read_to_string(&mut greeting)?;
    Ok(greeting)
}

/// Count the lines of a file. A page has only its own files, in memory.
#[pyfunction]
fn lines_of_file(path: &str) -> io::Result<usize> {
    Ok(count_lines(&fs::read(path)?))
}

// What to use instead.

/// Instead of a thread: an iterator that does the work piece by piece, so that the page can do
/// other things in between. Each `next()` adds one piece to the sum.
#[pyclass]
struct SumInPieces {
    numbers: Vec<i64>,
    piece: usize,
    done: usize,
    sum: i64,
}

#[pymethods]
impl SumInPieces {
    #[new]
    #[pyo3(signature = (numbers, piece = 1000))]
    fn new(numbers: Vec<i64>, piece: usize) -> Self {
        SumInPieces {
            numbers,
            piece: piece.max(1),
            done: 0,
            sum: 0,
        }
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self) -> Option<i64> {
        let next = self.numbers[self.done..].chunks(self.piece).next()?;
        self.done += next.len();
        self.sum += next.iter().sum::<i64>();
        Some(self.sum)
    }
}

/// Instead of a socket or a file: count the lines of bytes, which Python can get from anywhere.
#[pyfunction]
fn lines_of(data: &[u8]) -> usize {
    count_lines(data)
}

fn count_lines(data: &[u8]) -> usize {
    data.split_inclusive(|&byte| byte == b'\n').count()
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{greeting_of, lines_of, lines_of_file, sum_in_a_thread, SumInPieces};
}
