"""The contract: requests, events, jobs, reports and errors, declared once for every program."""
