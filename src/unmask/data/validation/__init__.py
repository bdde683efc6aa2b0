"""Data validation: expectation suites and the shortcut audit."""
