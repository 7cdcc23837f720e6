"""Outside systems -> landing: sources are read, checked against their contracts and committed as batches."""
