"""The migrations as files: numbered without a gap, and in words that both databases know."""

from __future__ import annotations

import pytest

from kull_router.queues.sql.migrations import MIGRATIONS, Migration
from kull_router.queues.sql.postgres_connection import PostgresConnection
from kull_router.queues.sql.sqlite_connection import SqliteConnection

WORDS = {"postgres": PostgresConnection.words, "sqlite": SqliteConnection.words}


def test_numbers_begin_at_one_and_leave_none_out() -> None:
    assert [each.number for each in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert [str(each) for each in MIGRATIONS[:2]] == ["0001_tables", "0002_revocations"]


def test_both_databases_know_the_same_words() -> None:
    assert set(WORDS["postgres"]) == set(WORDS["sqlite"])


@pytest.mark.parametrize("database", WORDS)
def test_each_statement_is_spelled_out(database: str) -> None:
    for migration in MIGRATIONS:
        statements = migration.statements(WORDS[database])
        assert statements
        for statement in statements:
            assert statement.split()[0] in {"CREATE", "INSERT", "UPDATE", "ALTER", "DROP", "DELETE"}
            assert not {"$", "--", ";"} & set(statement.split())


def test_comments_are_left_out_with_whatever_they_hold() -> None:
    text = "-- one; two\nCREATE TABLE a (b $text);\n  -- three\n\nDROP TABLE a;\n"
    assert Migration(9, "x", text).statements({"text": "TEXT"}) == [
        "CREATE TABLE a (b TEXT)",
        "DROP TABLE a",
    ]


def test_a_word_that_no_database_knows_is_a_fault_at_once() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        Migration(9, "x", "CREATE TABLE a (b $nonsense);").statements(WORDS["sqlite"])
