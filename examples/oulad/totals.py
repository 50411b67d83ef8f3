#!/usr/bin/env python3
"""What examples/oulad must store, publish and reject, computed without it.

    totals.py SUBMISSION.csv ASSESSMENT.csv OUT_FOLDER     writes student_course, passing_reached, rejected (.ndjson)
    totals.py SUBMISSION.csv ASSESSMENT.csv --totals       prints the totals alone
"""

import csv
import json
import os
import sys
from fractions import Fraction


def number(value):
    """An exact number as JSON: whole, or with the digits that it has (all weights have few)."""
    return int(value) if value.denominator == 1 else float(value)


def main():
    submissions, assessments, target = sys.argv[1:4]
    with open(assessments, newline="") as file:
        table = {row["id_assessment"]: row for row in csv.DictReader(file)}
    courses, passed, rejected = {}, [], []
    with open(submissions, newline="") as file:
        lines = file.read().splitlines()
    for offset, (row, line) in enumerate(zip(csv.DictReader(lines), lines[1:])):
        reason = "no score" if row["score"] == "" else None
        assessment = table.get(row["id_assessment"])
        reason = reason or (None if assessment else "assessment unknown")
        if reason:
            rejected.append({"reason": reason, "raw": line})
            continue
        key = (int(row["id_student"]), assessment["code_module"], assessment["code_presentation"])
        course = courses.setdefault(key, {"submissions": 0, "weighted": Fraction(0), "late": 0, "banked": 0, "last_day": None})
        before = course["weighted"] >= 40
        day = int(row["date_submitted"])
        course["submissions"] += 1
        course["weighted"] += Fraction(assessment["weight"]) * Fraction(row["score"]) / 100
        course["late"] += assessment["date"] != "?" and day > int(assessment["date"])
        course["banked"] += row["is_banked"] == "1"
        course["last_day"] = day if course["last_day"] is None else max(day, course["last_day"])
        if course["weighted"] >= 40 and not before:
            passed.append(dict(zip(("id_student", "code_module", "code_presentation"), key),
                               weighted=number(course["weighted"]), day=day))
    rows = []
    for key, course in sorted(courses.items()):
        row = dict(zip(("id_student", "code_module", "code_presentation"), key), **course)
        row["weighted"] = number(course["weighted"])
        row["passing"] = course["weighted"] >= 40
        rows.append(row)
    if target == "--totals":
        print(json.dumps({
            "rows": len(rows), "submissions": sum(row["submissions"] for row in rows),
            "weighted": number(sum((course["weighted"] for course in courses.values()), Fraction(0))),
            "late": sum(row["late"] for row in rows), "banked": sum(row["banked"] for row in rows),
            "passing": sum(row["passing"] for row in rows), "passing_reached": len(passed), "rejected": len(rejected)}))
        return
    os.makedirs(target, exist_ok=True)
    for name, records in (("student_course", rows), ("passing_reached", passed), ("rejected", rejected)):
        with open(os.path.join(target, name + ".ndjson"), "w") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


if __name__ == "__main__":
    main()
