"""Where wheels are used: JupyterLite sites, what they publish, and their server."""
