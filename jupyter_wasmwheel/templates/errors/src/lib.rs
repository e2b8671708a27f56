//! Errors across the border: what fails in Rust is an exception in Python, and the other way round.

use std::fmt;
use std::num::ParseIntError;

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

create_exception!(
    __MODULE__,
    DurationError,
    PyValueError,
    "A text that is no duration."
);

/// Why a text is no duration. It is plain Rust, and knows nothing of Python.
#[derive(Debug)]
enum NoDuration {
    Number(ParseIntError),
    Unit(String),
    TooLong,
}

impl fmt::Display for NoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(error) => write!(f, "a number is wrong: {error}"),
            Self::Unit(unit) => write!(f, "{unit:?} is no unit; write h, m or s"),
            Self::TooLong => write!(f, "that is longer than 64 bits of seconds"),
        }
    }
}

// This lets `?` turn the one error into the other.
impl From<ParseIntError> for NoDuration {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error)
    }
}

// And this lets `?` turn it into an exception.
impl From<NoDuration> for PyErr {
    fn from(error: NoDuration) -> Self {
        DurationError::new_err(error.to_string())
    }
}

fn parse(text: &str) -> Result<u64, NoDuration> {
    text.split_whitespace().try_fold(0u64, |sum, part| {
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        let (digits, unit) = part.split_at(end);
        let number: u64 = digits.parse()?;
        let seconds = match unit {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            other => return Err(NoDuration::Unit(other.to_owned())),
        };
        number
            .checked_mul(seconds)
            .and_then(|more| sum.checked_add(more))
            .ok_or(NoDuration::TooLong)
    })
}

/// The seconds of a duration such as `1h 30m`; a DurationError where it is none.
#[pyfunction]
fn seconds(text: &str) -> PyResult<u64> {
    Ok(parse(text)?)
}

/// Call a function of Python's with each number; what it raises goes on to whoever called this.
#[pyfunction]
fn call_with_each<'py>(
    function: &Bound<'py, PyAny>,
    numbers: Vec<i64>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    numbers
        .into_iter()
        .map(|number| function.call1((number,)))
        .collect()
}

/// The number at a place; it panics where there is none, as a mistake in a program does.
#[pyfunction]
fn number_at(numbers: Vec<i64>, place: usize) -> i64 {
    numbers[place]
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{call_with_each, number_at, seconds, DurationError};
}
