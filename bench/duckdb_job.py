"""W1 in DuckDB on one thread, JSON in and JSON out: duckdb_job.py INPUT OUTPUT."""

import sys

import duckdb


def main():
    source, target = sys.argv[1], sys.argv[2]
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    rows = connection.execute(
        """
        COPY (
            SELECT fields.class_id AS class, fields.stu_id AS stu_id, fields.plan_id AS plan_id,
                   fields.class_name AS class_name, fields.score AS score,
                   CAST(fields.status AS BIGINT) AS status,
                   fields.duration / 60.0::DOUBLE AS minutes, fields.duration >= 30 AS is_finished
            FROM (
                SELECT arris_message.cmd AS cmd, arris_message.fields AS fields
                FROM read_json($source, format = 'newline_delimited', columns = {
                    arris_message: 'STRUCT(cmd VARCHAR, fields STRUCT(class_id BIGINT, stu_id BIGINT, plan_id BIGINT,
                        class_name VARCHAR, duration BIGINT, score DOUBLE, status VARCHAR))'
                })
            )
            WHERE cmd IN ('create', 'update') AND fields.duration > 0
        ) TO '"""
        + target.replace("'", "''")
        + "' (FORMAT json)",
        {"source": source},
    ).fetchone()
    print(f"read - written {rows[0]} rejected 0")


main()
