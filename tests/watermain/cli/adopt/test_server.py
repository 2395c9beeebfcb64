"""A PostgreSQL schema is adopted, its changes follow from the point of the copy."""

from __future__ import annotations

import psycopg
import pytest

from tests.watermain.cli.adopt.company import Company
from tests.watermain.cli.adopt.test_adopt import counted
from watermain.engine.adopt.kind.postgres_schema import proposal, tables
from watermain.engine.adopt.piece import UnadoptableTableError
from watermain.engine.adopt.proposal import Wishes
from watermain.process.postgres import EmbeddedPostgres

MADE = """
create type mood as enum ('good', 'bad');
create table orders (id bigint primary key, placed_at timestamptz(3) not null, updated_at
  timestamptz not null default now(), email text, amount numeric(12, 2), any_number numeric,
  how mood, told jsonb, who uuid, left_out int4range);
comment on column orders.amount is 'what was ordered for';
insert into orders select n, timestamptz '2024-01-01' + n * interval '1 hour', now(), 'a@b.org',
  n / 4.0, 1.25, 'good', '{}', gen_random_uuid(), '[1,2)' from generate_series(1, 50) as n;
create table notes (note text);
insert into notes values ('a'), ('a');
create publication watermain for table orders, notes;
"""
IDENTITY = "alter table orders replica identity full"


@pytest.fixture
def shop(postgres: EmbeddedPostgres) -> str:
    """A database of somebody else's."""
    postgres.ensure_database("adopted_shop")
    dsn = postgres.dsn("adopted_shop")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(MADE)
    return dsn


@pytest.mark.slow
def test_schema_is_adopted_and_followed(company: Company, shop: str) -> None:
    """Refused whole while its changes could not be captured; then copied, then followed."""
    place = company.root / "resources" / "connections.py"
    told = place.read_text().replace(
        "import FilesConnection", "import FilesConnection, PostgresConnection"
    )
    place.write_text(told + f'shop = PostgresConnection("shop", address="{shop}")\n')
    before = company.written("platform_assets/sales/raw.py")
    words = ("adopt", "shop/public", "--into", "sales.raw.shop_orders", "--table", "public.orders",
             "--leave-out", "left_out", "--yes")  # fmt: skip
    refused = company.run(*words, code=1)
    assert "does not send old rows" in refused
    assert f"next      {IDENTITY.replace('orders', 'public.orders')}" in refused
    assert company.written("platform_assets/sales/raw.py") == before
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute(IDENTITY)
    told = company.run(*words)
    assert "key (id): the server's own primary key" in told
    assert counted(company.lake, "sales.raw.shop_orders", "count(*), count(distinct id)") == (
        50,
        50,
    )
    shelf = company.written("platform_assets/sales/raw.py")
    assert 'Column("amount", pa.decimal128(12, 2), "what was ordered for")' in shelf
    assert 'table="public.orders"' in shelf
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("insert into orders (id, placed_at) values (51, now())")
        connection.execute("update orders set amount = 0 where id = 1")
    company.run(*words)
    ops = "count(*) filter (_op = 'r'), count(*) filter (_op = 'i'), count(*) filter (_op = 'u')"
    assert counted(company.lake, "sales.raw.shop_orders", ops) == (50, 1, 1)
    (notes,) = [t for t in tables(shop, "public") if t.name == "notes"]
    with pytest.raises(UnadoptableTableError, match=r"public\.notes has no primary key"):
        proposal(shop, notes, Wishes())
    with pytest.raises(UnadoptableTableError, match=r"\(note\) is no key: two rows have the same"):
        proposal(shop, notes, Wishes(key=("note",)))
    (orders,) = [t for t in tables(shop, "public") if t.name == "orders"]
    with pytest.raises(UnadoptableTableError, match="`left_out` is int4range"):
        proposal(shop, orders, Wishes())
