"""Database: engine, ORM models, migrations."""
