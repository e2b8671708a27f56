"""Projects to build: sources, private copies, manifests, edits and tests."""
