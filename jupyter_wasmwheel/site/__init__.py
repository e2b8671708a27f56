"""JupyterLite sites: created, published to, served and bundled."""
