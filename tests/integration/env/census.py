# SPDX-License-Identifier: Apache-2.0
"""Censuses of made-up arms, and sketches as doc/protocol.md describes them, written without the C code."""
import time
import uuid

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MASK = (1 << 64) - 1


def hash_of(text):
    """FNV-1a, and the finaliser of MurmurHash3."""
    h = 14695981039346656037
    for byte in text.encode():
        h = (h ^ byte) * 1099511628211 & MASK
    h = (h ^ h >> 33) * 0xff51afd7ed558ccd & MASK
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53 & MASK
    return h ^ h >> 33


def sketch(values, p=12):
    hashes = sorted({hash_of(str(v)) for v in values})
    if len(hashes) <= 2 ** p // 8:
        return "x" + DIGITS[p] + "".join(DIGITS[h >> bits & 63] for h in hashes for bits in range(60, -1, -6))
    registers = [0] * 2 ** p
    for h in hashes:
        rest = h << p & MASK
        rank = 65 - rest.bit_length() if rest else 65 - p
        at = h >> (64 - p)
        registers[at] = max(registers[at], rank)
    return "h" + DIGITS[p] + "".join(DIGITS[r] for r in registers)


def top(counts, most=None, slack=0):
    """[(name, n)] and "rest" of the first `most`."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    most = len(ordered) if most is None else most
    rest = ordered[most][1] if len(ordered) > most else 0
    return ordered[:most], {"slack": slack, "rest": rest + slack}


def census(eid, variant, series, metrics_told=None, flows=True, **changes):
    """`series`: [(metric, {label: value})], of which everything else is counted here."""
    metrics, labels, deep = {}, {}, {}
    for metric, pairs in series:
        metrics[metric] = metrics.get(metric, 0) + 1
        for label, value in pairs.items():
            values = labels.setdefault(label, {})
            values[value] = values.get(value, 0) + 1
            deep.setdefault(metric, {}).setdefault(label, set()).add(value)
    told, bounds = top(metrics, metrics_told)
    doc = {"experiment_id": eid, "variant": variant, "ts": time.time_ns(), "series": len(series),
           "bytes": 50 * len(series), "points_per_s": None, "bytes_per_s": None, "cpu_cores": None, "rss_bytes": None,
           "metrics": dict(bounds, names=sketch(metrics), top=[
               {"name": m, "series": n, "bytes": 50 * n, "labels": [
                   {"name": name, "values": sketch(values, 10)} for name, values in deep.get(m, {}).items()]}
               for m, n in told])}
    if flows:
        doc.update(points_per_s=len(series) / 10, bytes_per_s=5.0 * len(series), cpu_cores=0.01, rss_bytes=2 ** 22)
    told, bounds = top({name: sum(values.values()) for name, values in labels.items()})
    doc["labels"] = dict(bounds, top=[
        {"name": name, "series": n, "values": sketch(labels[name]), "by_value": dict(
            top(labels[name], 10)[1], top=[{"name": v, "series": k} for v, k in top(labels[name], 10)[0]])}
        for name, n in told])
    doc.update(changes)
    return doc


def batch(*censuses, stream=None, seq=1):
    return {"stream": stream or str(uuid.uuid4()), "seq": seq, "censuses": list(censuses)}
