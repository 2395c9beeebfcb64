"""The airlines' billing contacts: people who do not exist."""

from __future__ import annotations

import csv
import random

import psycopg

from demo.flights import source_file

CONTACTS_PER_AIRLINE = 3
MISTYPED = 17  # the contact whose address somebody typed without its @
GIVEN = "Ada Bruno Chen Dalia Emeka Farah Goran Hana Ines Jonas Kofi Lucia Mina Noor Otto Priya"
FAMILY = "Abara Berg Castillo Duval Eriksen Fujita Greco Haddad Ivanov Jansen Kaya Lindqvist Moreau"


def contacts(seed: int) -> list[tuple[int, str, str, str, str]]:
    """Make up the contacts (id, carrier, name, email and phone) of all airlines."""
    dice = random.Random(seed)
    with source_file("airlines.csv").open(newline="") as file:
        carriers = sorted(row["carrier"] for row in csv.DictReader(file))
    found = []
    for number, carrier in enumerate(
        carrier for carrier in carriers for _ in range(CONTACTS_PER_AIRLINE)
    ):
        given, family = dice.choice(GIVEN.split()), dice.choice(FAMILY.split())
        sign = " at " if number + 1 == MISTYPED else "@"
        email = f"{given}.{family}{sign}{carrier}.example".lower()
        phone = f"+1-212-555-{100 + dice.randrange(100):04d}"  # 555-01xx is kept for fiction
        found.append((number + 1, carrier, f"{given} {family}", email, phone))
    return found


def ensure_contacts(connection: psycopg.Connection, seed: int) -> None:
    """Put the contacts into the operations database unless some are there."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("lock table public.airline_contacts in share row exclusive mode")
        if cursor.execute("select from public.airline_contacts limit 1").fetchone() is None:
            cursor.executemany(
                "insert into public.airline_contacts values (%s, %s, %s, %s, %s)", contacts(seed)
            )
