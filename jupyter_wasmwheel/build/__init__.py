"""From a project to a wheel: plan, cargo, maturin, and the processes they run in."""
