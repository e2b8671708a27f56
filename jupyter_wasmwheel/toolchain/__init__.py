"""The toolchain: Rust, the target's standard library, linker, C compiler and optimizer."""
