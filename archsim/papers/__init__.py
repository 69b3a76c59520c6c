"""Papers as data: studies that reproduce their evaluation, and published figures to compare with."""
