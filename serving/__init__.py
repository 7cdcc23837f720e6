"""From marts to consumers: audit of the candidate, releases, and reading them."""
