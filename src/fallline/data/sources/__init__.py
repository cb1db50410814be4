"""Sources of records: one short file for each kind."""
