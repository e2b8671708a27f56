//! Numbers that are worked on where they are: nothing is copied between Python and Rust.
//!
//! `PyBuffer` takes whatever lends its memory by Python's buffer protocol: `bytes`, `bytearray`,
//! `array.array`, `memoryview`, and the arrays of NumPy, which this crate does not need for that.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The mean of some numbers (float64).
#[pyfunction]
fn mean(py: Python<'_>, numbers: PyBuffer<f64>) -> PyResult<f64> {
    // Python may change the memory while it is lent, therefore it comes as cells, each of which is
    // read by itself.
    let cells = numbers.as_slice(py).ok_or_else(in_pieces)?;
    if cells.is_empty() {
        return Err(PyValueError::new_err("there is no mean of no numbers"));
    }
    let sum: f64 = cells.iter().map(|cell| cell.get()).sum();
    Ok(sum / cells.len() as f64)
}

/// Multiply all numbers (float64) by a factor, in place.
#[pyfunction]
fn scale(py: Python<'_>, numbers: PyBuffer<f64>, factor: f64) -> PyResult<()> {
    if numbers.readonly() {
        return Err(PyValueError::new_err("this memory is lent for reading only"));
    }
    for cell in numbers.as_mut_slice(py).ok_or_else(in_pieces)? {
        cell.set(cell.get() * factor);
    }
    Ok(())
}

/// How often each of the 256 values occurs in some bytes.
#[pyfunction]
fn histogram(py: Python<'_>, data: PyBuffer<u8>) -> PyResult<Vec<usize>> {
    let mut counts = vec![0; 256];
    for cell in data.as_slice(py).ok_or_else(in_pieces)? {
        counts[usize::from(cell.get())] += 1;
    }
    Ok(counts)
}

/// A sine wave of so many numbers, as an `array.array` of float64.
#[pyfunction]
fn wave(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyAny>> {
    let step = std::f64::consts::TAU / length as f64;
    let bytes: Vec<u8> = (0..length)
        .flat_map(|index| (index as f64 * step).sin().to_ne_bytes())
        .collect();
    py.import("array")?
        .call_method1("array", ("d", PyBytes::new(py, &bytes)))
}

fn in_pieces() -> PyErr {
    PyValueError::new_err("the numbers do not lie side by side in memory; copy them first")
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{histogram, mean, scale, wave};
}
