"""Errors that tools and the system report, with explanations."""
