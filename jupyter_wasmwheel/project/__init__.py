"""What is to be built: sources, private copies and manifests."""
