"""The mapper: which mapping of a cascade on a design is best, by search over a declared space."""
