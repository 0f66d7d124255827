# SPDX-License-Identifier: Apache-2.0
"""Rows for every collection of core/tables/collections.def, with the values that are easily lost: nulls,
empty and long texts, JSON with its white space, the ends of the ranges."""
import contextlib
import re
import sqlite3
import time

from env.common import SOURCE

TABLES = SOURCE / "core" / "tables"
START_US = time.time_ns() // 1000 - 30 * 86400 * 1000000  # samples are of these weeks
US = 1000  # times are whole microseconds, in nanoseconds
TEXTS = ["", "a", "Z", "ä€😀", "'; DROP TABLE x; -- \"$1\" \\ %s\t\r\n", "\x01\x7f\u2028", "l" * 10000]
JSONS = ["{}", '{"z":1,"a":{"b":[1,2.50,1e2,true,null,"ä\\u0000😀"]},  "a ":1}', "[]", '"text"', "0",
         '{"big":"' + "x" * 300000 + '"}', " [ 1 ] "]
VALUES = {
    "TEXT": TEXTS, "JSON": JSONS, "BOOL": [0, 1],
    "INT": [0, -1, 1, 2 ** 63 - 1, -2 ** 63, 2 ** 53 + 1, 7],
    "REAL": [0.0, 0.1, -1.7976931348623157e308, 5e-324, 1 / 3, 9007199254740993.0, -2.5],
    "TIME": [1700000000123456 * US, 0, -1 * US, 1 * US, -2208988800000000 * US, 9223372036854775 * US, 4102444800000001 * US],
}


def collections():
    """name -> (number of key fields, [(column, type, may be null)])"""
    measures = re.findall(r'^MEASURE\(\w+,\s*"(\w+)"', (TABLES / "measures.def").read_text(), re.M)
    text = (TABLES / "collections.def").read_text()
    made = {}
    for name, keys, body in re.findall(r'^COLLECTION\(\w+, "(\w+)", (\d+),.*?\)\n(.*?)^END_COLLECTION', text, re.M | re.S):
        fields = [(column, kind, flags.strip() != "PHX_F_NOT_NULL") for column, kind, flags in
                  re.findall(r'^FIELD\(\w+, "(\w+)",\s*\w+,\s*PHX_(\w+),\s*(\w+)\)', body, re.M)]
        if "MEASURE" in body:
            fields += [(measure, "REAL", True) for measure in measures]
        made[name] = int(keys), fields
    return made


def key(kind, i, n):
    """Key values that differ: a few that repeat in the first fields, so that groups are long and short."""
    return {"TEXT": f"{'ä' if i % 3 else 'Z'}{n}", "INT": n - 2, "TIME": (START_US + n * 15000000) * US}[kind]


def fill(db_path, many=None):
    """Put 7 rows into each collection of a SQLite store that no process has open; `many`: {name: rows}."""
    counts = {}
    with contextlib.closing(sqlite3.connect(db_path)) as db, db:
        for name, (keys, fields) in collections().items():
            columns = [row[1] for row in db.execute(f'PRAGMA table_info("{name}")')]
            assert columns[:len(fields)] == [column for column, _, _ in fields], name
            rows = []
            for i in range((many or {}).get(name, 7)):
                row = []
                for f, (column, kind, nullable) in enumerate(fields):
                    values = VALUES[kind]
                    if f < keys:
                        last = f == keys - 1
                        row.append(key(kind, i, i if last else i // 7 ** (keys - 1 - f)))
                    else:
                        row.append(None if nullable and (i + f) % 3 == 0 else values[(i + f) % len(values)])
                rows.append(row + [i + 1] * (len(columns) - len(fields)))
            db.executemany(f'INSERT INTO "{name}" VALUES({",".join("?" * len(columns))})', rows)
            counts[name] = len(rows)
    return counts
