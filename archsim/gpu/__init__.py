"""Attention on a GPU as it runs there: times, rates and errors, and how far the model is from them."""
