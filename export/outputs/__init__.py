"""The outputs of an export: named, planned, written beside their targets, put in place. `delivery` reads first."""
