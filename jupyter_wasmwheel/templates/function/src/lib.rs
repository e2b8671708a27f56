use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Greet someone by name.
#[pyfunction]
fn greet(name: &str) -> String {
    format!("Hello, {name}! This is Rust, in your browser.")
}

/// Return the n-th Fibonacci number; n is at most 186, because larger ones exceed 128 bits.
#[pyfunction]
fn fibonacci(n: u32) -> PyResult<u128> {
    if n > 186 {
        return Err(PyValueError::new_err("n must be at most 186"));
    }
    let (mut a, mut b) = (0u128, 1u128);
    for _ in 0..n {
        (a, b) = (b, a.wrapping_add(b));
    }
    Ok(a)
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{fibonacci, greet};
}
