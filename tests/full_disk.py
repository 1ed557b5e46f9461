"""A database whose disk is full, as far as SQLite knows: its file may hold no more pages than it does."""

from django.db import connection


def limit_pages(count: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {count}")
        return str(cursor.fetchone()[0])
