//! A text tool that uses two small crates: one for Unicode, and one for the distance between words.
//! Cargo.toml lists them, and cargo downloads and compiles them.

use std::collections::HashMap;

use pyo3::prelude::*;
use strsim::damerau_levenshtein;
use unicode_segmentation::UnicodeSegmentation;

/// Split a text into the characters that people see: an emoji or a letter with accents is one.
#[pyfunction]
fn characters(text: &str) -> Vec<&str> {
    text.graphemes(true).collect()
}

/// Count the words of a text, in lower case, most frequent first.
#[pyfunction]
fn words(text: &str) -> Vec<(String, usize)> {
    let mut counts = HashMap::new();
    for word in text.unicode_words() {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let mut rows: Vec<(String, usize)> = counts.into_iter().collect();
    rows.sort_by(|(a, few), (b, many)| many.cmp(few).then_with(|| a.cmp(b)));
    rows
}

/// Return the known word that is most similar, or None if no word is similar enough.
#[pyfunction]
fn suggest(word: &str, known: Vec<String>) -> Option<String> {
    let most = word.chars().count().div_ceil(3);
    known
        .into_iter()
        .map(|each| (damerau_levenshtein(word, &each), each))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, nearest)| nearest)
}

/// A Python module written in Rust.
#[pymodule]
mod __MODULE__ {
    #[pymodule_export]
    use super::{characters, suggest, words};
}
