"""The store in SQL: one SQL for SQLite and PostgreSQL."""
