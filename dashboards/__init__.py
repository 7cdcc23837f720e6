"""Dashboards on the current release: read-only, one `.sql` file a tile, nothing loaded from outside."""
