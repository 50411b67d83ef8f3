#!/usr/bin/env python3
"""Makes the small input of this example: data/assessment.csv and data/submission.csv, always the same."""

import os
import random

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def main():
    chance = random.Random(20130101)
    assessments, number = [], 1752
    for module, presentation in (("AAA", "2013J"), ("AAA", "2014J"), ("BBB", "2013B")):
        for index, weight in enumerate(("10", "20", "12.5", "27.5", "30", "100")):
            due = "?" if index == 5 and module == "BBB" else str(19 + 35 * index)
            kind = "Exam" if weight == "100" else "TMA"
            assessments.append((module, presentation, str(number), kind, due, weight))
            number += 1
    with open(os.path.join(FOLDER, "assessment.csv"), "w") as file:
        header = ("code_module", "code_presentation", "id_assessment", "assessment_type", "date", "weight")
        for row in (header, *assessments):
            file.write(",".join(f'"{cell}"' for cell in row) + "\n")
    with open(os.path.join(FOLDER, "submission.csv"), "w") as file:
        file.write("id_assessment,id_student,date_submitted,is_banked,score\n")
        for _ in range(2000):
            assessment = chance.choice(assessments)
            known = chance.random() >= 0.03
            due = int(assessment[4]) if assessment[4] != "?" else 200
            banked = chance.random() < 0.02
            file.write(",".join((
                assessment[2] if known else str(90000 + chance.randrange(9)), str(11000 + chance.randrange(400)),
                "-1" if banked else str(due + chance.randrange(-20, 6)), "1" if banked else "0",
                "" if chance.random() < 0.02 else str(chance.randrange(101)))) + "\n")


if __name__ == "__main__":
    main()
