"""How far machines are from real numbers: cascades in their formats against float64, side by side."""
