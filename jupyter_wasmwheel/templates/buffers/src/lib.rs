//! Numbers that are worked on where they are: nothing is copied between Python and Rust.
//!
//! `PyBuffer` takes whatever lends its memory by Python's buffer protocol: `bytes`, `bytearray`,
//! `array.array`, `memoryview`, and the arrays of NumPy, which this crate does not need for that.

use std::cell::Cell;

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The mean of some numbers (float64).
#[pyfunction]
fn mean(py: Python<'_>, numbers: PyBuffer<f64>) -> PyResult<f64> {
    let cells = lent(py, &numbers)?;
    if cells.is_empty() {
        return Err(PyValueError::new_err("there is no mean of no numbers"));
    }
    let sum: f64 = cells.iter().map(Cell::get).sum();
    Ok(sum / cells.len() as f64)
}

/// Multiply all numbers (float64) by a factor, in place.
#[pyfunction]
fn scale(py: Python<'_>, numbers: PyBuffer<f64>, factor: f64) -> PyResult<()> {
    if numbers.readonly() {
        return Err(PyValueError::new_err("this memory is lent for reading only"));
    }
    for cell in lent(py, &numbers)? {
        cell.set(cell.get() * factor);
    }
    Ok(())
}

/// How often each of the 256 values occurs in some bytes.
#[pyfunction]
fn histogram(py: Python<'_>, data: PyBuffer<u8>) -> PyResult<Vec<usize>> {
    let mut counts = vec![0; 256];
    for cell in lent(py, &data)? {
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

/// The memory that a buffer lends, as cells: Python may hold the same memory in another place, so
/// each number is read and written by itself.
fn lent<'a, T: Element>(_py: Python<'a>, buffer: &'a PyBuffer<T>) -> PyResult<&'a [Cell<T>]> {
    let memory = buffer.as_slice_ptr().ok_or_else(|| {
        PyValueError::new_err("the numbers do not lie side by side in memory; copy them first")
    })?;
    // SAFETY: the memory is there for as long as the buffer is, a `Cell<T>` lies in it as a `T`
    // does, and nothing of Python's runs while we have it. Before it is written, `scale` asks
    // whether it may be.
    Ok(unsafe { &*(memory.as_ptr() as *const [Cell<T>]) })
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{histogram, mean, scale, wave};
}
