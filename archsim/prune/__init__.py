"""Pruned attention: schedules and traces of what is kept, suites of benchmarks, and what a whole run costs."""
