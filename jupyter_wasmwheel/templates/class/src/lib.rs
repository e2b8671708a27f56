//! A class written in Rust: a turtle that walks, and draws its path.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A turtle that starts at (0, 0), faces right and draws a line where it walks.
#[pyclass]
struct Turtle {
    /// The direction that it faces, in degrees; 90 is up.
    #[pyo3(get, set)]
    heading: f64,
    path: Vec<(f64, f64)>,
}

#[pymethods]
impl Turtle {
    #[new]
    fn new() -> Self {
        Turtle {
            heading: 0.0,
            path: vec![(0.0, 0.0)],
        }
    }

    /// Return a turtle that has walked around a regular polygon.
    #[staticmethod]
    fn polygon(sides: u32, length: f64) -> PyResult<Self> {
        if sides < 3 {
            return Err(PyValueError::new_err("a polygon has at least 3 sides"));
        }
        let mut turtle = Turtle::new();
        for _ in 0..sides {
            turtle.walk(length);
            turtle.heading += 360.0 / f64::from(sides);
        }
        Ok(turtle)
    }

    /// Walk forward. Return the turtle, so that calls can be chained.
    fn forward(mut slf: PyRefMut<'_, Self>, distance: f64) -> PyRefMut<'_, Self> {
        slf.walk(distance);
        slf
    }

    /// Turn left by an angle in degrees.
    fn left(mut slf: PyRefMut<'_, Self>, angle: f64) -> PyRefMut<'_, Self> {
        slf.heading += angle;
        slf
    }

    /// The current position. A getter in Rust is a property in Python.
    #[getter]
    fn position(&self) -> (f64, f64) {
        self.path[self.path.len() - 1]
    }

    /// Return the number of its lines: `len(turtle)`.
    fn __len__(&self) -> usize {
        self.path.len() - 1
    }

    fn __repr__(&self) -> String {
        let (x, y) = self.position();
        format!("Turtle at ({x:.1}, {y:.1}), facing {:.0}°", self.heading)
    }

    /// Return its path as a picture, which notebooks show.
    fn _repr_svg_(&self) -> String {
        let xs = || self.path.iter().map(|&(x, _)| x);
        let ys = || self.path.iter().map(|&(_, y)| -y); // in SVG, y grows downwards
        let (left, right) = extent(xs());
        let (top, bottom) = extent(ys());
        let (width, height) = (right - left + 10.0, bottom - top + 10.0);
        let points: Vec<String> = xs().zip(ys()).map(|(x, y)| format!("{x},{y}")).collect();
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300" viewBox="{} {} {width} {height}"><polyline points="{}" fill="none" stroke="seagreen" stroke-width="2"/></svg>"#,
            left - 5.0,
            top - 5.0,
            points.join(" "),
        )
    }
}

// Methods outside of `#[pymethods]` are not visible in Python.
impl Turtle {
    fn walk(&mut self, distance: f64) {
        let (x, y) = self.position();
        let (sin, cos) = self.heading.to_radians().sin_cos();
        self.path.push((x + distance * cos, y + distance * sin));
    }
}

/// Return the smallest and the largest of some numbers and 0.
fn extent(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    numbers.fold((0.0, 0.0), |(least, most), number| {
        (number.min(least), number.max(most))
    })
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::Turtle;
}
