"""The pages, one module each: which tiles they show, in which order."""
