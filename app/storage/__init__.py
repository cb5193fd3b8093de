"""The database: SQLite or PostgreSQL. The only package that knows SQL."""
