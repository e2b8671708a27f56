"""The Jupyter server extension: the jobs, the sites and the toolchain over HTTP (docs/rest.md)."""
