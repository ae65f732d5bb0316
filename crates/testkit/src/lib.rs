//! Tools for testing an API: an in-process client, scenario tables, goldens and a clock to set.
