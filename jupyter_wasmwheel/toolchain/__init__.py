"""What builds it: Rust, the target's standard library, the linker and the optimiser."""
