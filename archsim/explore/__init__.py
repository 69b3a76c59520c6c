"""What a sweep found: fronts, plots and an interactive page."""
