#!/usr/bin/env python3
"""What examples/classroom must store, publish and reject for a feed of stays, computed without it.

    durations.py STAY_SEG.ndjson PLAN.ndjson OUT_FOLDER     writes class_stu_plan, plan_finished, rejected (.ndjson)
    durations.py STAY_SEG.ndjson PLAN.ndjson --totals       prints the totals alone
"""

import json
import os
import sys
from datetime import datetime


def milliseconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def union(segments):
    total, until = 0, None
    for start, end in sorted(segments):
        if until is None or start > until:
            total, until = total + end - start, end
        elif end > until:
            total, until = total + end - until, end
    return total


def main():
    stays, plans, target = sys.argv[1:4]
    with open(plans) as file:
        lengths = {row["plan_id"]: row["plan_len"] for row in map(json.loads, file)}
    seen, segments, sent, rows, finished, rejected, dropped = {}, {}, {}, {}, [], [], {}
    with open(stays) as file:
        for offset, line in enumerate(file, 1):
            row = json.loads(line)
            start, end = milliseconds(row["start"]), milliseconds(row["end"])
            if end <= start:
                dropped["empty segment"] = dropped.get("empty segment", 0) + 1
                continue
            if end - start > 12 * 3_600_000:
                rejected.append((offset, "segment longer than 12 h"))
                continue
            mark = (row["StuID"], row["seg_id"])
            if mark in seen and end - seen[mark] <= 2 * 86_400_000:
                dropped["sent again"] = dropped.get("sent again", 0) + 1
                continue
            if row["plan_id"] not in lengths:
                rejected.append((offset, "plan unknown"))
                continue
            seen[mark] = end
            key = (row["StuID"], row["plan_id"])
            segments.setdefault(key, {})[row["seg_id"]] = (start, end)
            stay = union(segments[key].values())
            if stay == sent.get(key, 0):
                continue
            sent[key] = stay
            done = stay >= lengths[row["plan_id"]] * 0.8
            rows[(row["class_id"], *key)] = (stay, done)
            if done:
                finished.append({"stu_id": key[0], "plan_id": key[1], "stay": stay})
    if target == "--totals":
        print(json.dumps({"rows": len(rows), "stay": sum(stay for stay, _ in rows.values()),
                          "finished": sum(done for _, done in rows.values()), "plan_finished": len(finished),
                          "rejected": len(rejected), "dropped": dropped}))
        return
    os.makedirs(target, exist_ok=True)
    files = {
        "class_stu_plan": [dict(zip(("class_id", "stu_id", "plan_id"), key), stay=stay, finished=done)
                           for key, (stay, done) in sorted(rows.items())],
        "plan_finished": finished,
        "rejected": [{"source": "classroom.duration.stay_segment", "offset": offset, "reason": reason} for offset, reason in rejected],
    }
    for name, records in files.items():
        with open(os.path.join(target, name + ".ndjson"), "w") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)


if __name__ == "__main__":
    main()
