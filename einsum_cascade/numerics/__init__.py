"""What machines compute instead of real numbers: exponential units, number formats, rounding between Einsums."""
