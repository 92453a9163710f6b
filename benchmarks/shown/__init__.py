"""What docs/results.md is made of: tables, pictures and samples of a run."""
