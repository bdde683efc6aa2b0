"""Paths of this package, its checkout and the files that are packaged with it."""

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parent
ROOT = PACKAGE_DIR.parent
BUNDLE_DIR = PACKAGE_DIR / "bundle"
FRONTEND_DIR = PACKAGE_DIR / "frontend"
MIGRATIONS_DIR = PACKAGE_DIR / "db" / "migrations"
