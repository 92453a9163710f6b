"""From files of novels to clean text, and the report about it."""
