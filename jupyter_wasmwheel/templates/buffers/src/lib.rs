//! Functions for numbers in memory that Python and Rust share without copying.
//!
//! `PyBuffer` accepts every object with Python's buffer protocol: `bytes`, `bytearray`,
//! `array.array`, `memoryview`, and NumPy's arrays, although this crate does not require NumPy.

use std::cell::Cell;

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Return the mean of numbers (float64).
#[pyfunction]
fn mean(py: Python<'_>, numbers: PyBuffer<f64>) -> PyResult<f64> {
    let cells = cells_of(py, &numbers)?;
    if cells.is_empty() {
        return Err(PyValueError::new_err("the mean of no numbers is undefined"));
    }
    let sum: f64 = cells.iter().map(Cell::get).sum();
    Ok(sum / cells.len() as f64)
}

/// Multiply all numbers (float64) by a factor, in place.
#[pyfunction]
fn scale(py: Python<'_>, numbers: PyBuffer<f64>, factor: f64) -> PyResult<()> {
    if numbers.readonly() {
        return Err(PyValueError::new_err("this buffer is read-only"));
    }
    for cell in cells_of(py, &numbers)? {
        cell.set(cell.get() * factor);
    }
    Ok(())
}

/// Count how often each of the 256 values occurs in bytes.
#[pyfunction]
fn histogram(py: Python<'_>, data: PyBuffer<u8>) -> PyResult<Vec<usize>> {
    let mut counts = vec![0; 256];
    for cell in cells_of(py, &data)? {
        counts[usize::from(cell.get())] += 1;
    }
    Ok(counts)
}

/// Return a sine wave of a number of samples, as an `array.array` of float64.
#[pyfunction]
fn wave(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyAny>> {
    let step = std::f64::consts::TAU / length as f64;
    let bytes: Vec<u8> = (0..length)
        .flat_map(|index| (index as f64 * step).sin().to_ne_bytes())
        .collect();
    py.import("array")?
        .call_method1("array", ("d", PyBytes::new(py, &bytes)))
}

/// Return the memory of a buffer as cells: Python may access the same memory, so each number is
/// read and written separately.
fn cells_of<'a, T: Element>(_py: Python<'a>, buffer: &'a PyBuffer<T>) -> PyResult<&'a [Cell<T>]> {
    let memory = buffer.as_slice_ptr().ok_or_else(|| {
        PyValueError::new_err("the numbers are not contiguous in memory; copy them first")
    })?;
    // SAFETY: the memory lives as long as the buffer, a `Cell<T>` has the layout of a `T`, and no
    // Python code runs while it is borrowed. `scale` checks that it is writable.
    Ok(unsafe { &*(memory.as_ptr() as *const [Cell<T>]) })
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{histogram, mean, scale, wave};
}
