"""Drawing of effects: one module for each, found by its `type`; `stage` applies a list of them to a picture."""
