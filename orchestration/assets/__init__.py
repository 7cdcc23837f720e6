"""What Dagster shows: source tables, landed streams, dbt's tables, the release, the status.

<source>/database ─ <source>/<table> ─ landing/<kind>_<stream> ─ staging … marts ─ published/release
                                       landing/batches ─ published/status
"""
