//! Errors between the languages: an error in Rust is an exception in Python, and vice versa.

use std::fmt;
use std::num::ParseIntError;

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

create_exception!(
    __MODULE__,
    DurationError,
    PyValueError,
    "The text is not a valid duration."
);

/// The reason why a text is not a valid duration, in plain Rust.
#[derive(Debug)]
enum ParseError {
    Number(ParseIntError),
    Unit(String),
    TooLong,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(error) => write!(f, "invalid number: {error}"),
            Self::Unit(unit) => write!(f, "unknown unit {unit:?}; use h, m or s"),
            Self::TooLong => write!(f, "the duration exceeds 64 bits of seconds"),
        }
    }
}

// This lets `?` convert one error into the other.
impl From<ParseIntError> for ParseError {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error)
    }
}

// And this lets `?` convert it into an exception.
impl From<ParseError> for PyErr {
    fn from(error: ParseError) -> Self {
        DurationError::new_err(error.to_string())
    }
}

fn parse(text: &str) -> Result<u64, ParseError> {
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
            other => return Err(ParseError::Unit(other.to_owned())),
        };
        number
            .checked_mul(seconds)
            .and_then(|more| sum.checked_add(more))
            .ok_or(ParseError::TooLong)
    })
}

/// Return the seconds of a duration such as `1h 30m`; raise a DurationError if it is invalid.
#[pyfunction]
fn seconds(text: &str) -> PyResult<u64> {
    Ok(parse(text)?)
}

/// Call a Python function with each number; its exceptions pass to the caller.
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

/// Return the number at an index, and panic past the end, as a bug does.
#[pyfunction]
fn number_at(numbers: Vec<i64>, index: usize) -> i64 {
    numbers[index]
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{call_with_each, number_at, seconds, DurationError};
}
