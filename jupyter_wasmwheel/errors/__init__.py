"""Errors that tools and the system report, recognized and explained."""
