"""Jobs: what is asked of the server, each one run of the command line."""
