#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the analysis ought to answer, worked out a second time: plain Python, no statistics module, the
t distribution by numerical integration. Prints oracle_cases.h, which is committed:

    python3 oracle.py > oracle_cases.h
"""
import math
import random

NONE = float("nan")


def t_upper(t, df):
    """Upper tail of Student's t by Simpson's rule on u = 1/(1+x)."""
    c = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    f = lambda x: c * (1 + x * x / df) ** (-(df + 1) / 2)
    n = 20000
    g = lambda u: f(t + u / (1 - u)) / (1 - u) ** 2 if u < 1 else 0.0
    s = g(0) + g(1)
    for i in range(1, n):
        s += g(i / n) * (4 if i % 2 else 2)
    return s / (3 * n)


def t_quantile(q, df):
    lo, hi = 0.0, 1000.0
    for _ in range(80):
        mid = (lo + hi) / 2
        if t_upper(mid, df) > q:
            lo = mid
        else:
            hi = mid
    return (lo + hi) / 2


def mean(x):
    return math.fsum(x) / len(x)


def sd(x):
    m = mean(x)
    return math.sqrt(math.fsum((v - m) ** 2 for v in x) / (len(x) - 1))


def rho(x, k):
    m = mean(x)
    return math.fsum((x[i] - m) * (x[i + k] - m) for i in range(len(x) - k)) / math.fsum((v - m) ** 2 for v in x)


def tau(x):
    t, k = -1.0, 0
    while 2 * k < len(x):
        g = rho(x, 2 * k) + (rho(x, 2 * k + 1) if 2 * k + 1 < len(x) else 0)
        if g <= 0:
            break
        t += 2 * g
        k += 1
    t = max(t, 1.0)
    n = len(x)
    if t > 1 and rho(x, 1) < 2.2 / math.sqrt(n) and rho(x, 2) + rho(x, 3) < 2.2 * math.sqrt(2 / n):
        return 1.0
    return t


def batch_length(x):
    length, worst, look = 4, 1.0, 40.0
    while look <= len(x):
        t = tau(x[: int(look)])
        length, worst = max(length, math.ceil(4 * t - 1e-9)), max(worst, t)
        look *= 1.5
    return length, worst


def half_time(m, s, a):
    nu, r = m - 1, 1 / (1 + m)
    k = (r * a * a) ** (1 / (nu + 1))
    return s / math.sqrt(m) * math.sqrt(nu * (1 - k) / (k - r)) if k > r else math.inf


def pairs(b, c, hosts, used):
    return [(h, i) for h in hosts for i in used if not (math.isnan(b[h][i]) or math.isnan(c[h][i]))]


def effect(case):
    b, c, kind = case["b"], case["c"], case["estimand"]
    nb = len(b[0])
    hosts = [h for h in range(len(b)) if 2 * len(pairs(b, c, [h], range(nb))) >= nb]
    series = [i for i in range(nb) if pairs(b, c, hosts, [i])]
    y = (lambda h, i: math.log(c[h][i] / b[h][i])) if kind == "PHX_LOG_RATIO" else (lambda h, i: c[h][i] - b[h][i])

    def fill(used):
        if kind == "PHX_TOTAL":
            sb = {h: math.fsum(b[h][i] for _, i in pairs(b, c, [h], used)) for h in hosts}
            sc = {h: math.fsum(c[h][i] for _, i in pairs(b, c, [h], used)) for h in hosts}
            r = math.fsum(sc.values()) / math.fsum(sb.values())
            per = {h: (sc[h] - r * sb[h]) / (math.fsum(sb.values()) / len(hosts)) / r for h in hosts}
            scale = math.fsum(sb.values()) / len(used) * r
            fleet = [math.log(r) + math.fsum(c[h][i] - r * b[h][i] for h, _ in pairs(b, c, hosts, [i])) / scale
                     for i in series]
            return math.log(r), per, fleet
        per = {h: mean([y(h, i) for _, i in pairs(b, c, [h], used)]) for h in hosts}
        theta = mean(list(per.values()))
        fleet = [theta + mean([y(h, i) - per[h] for h, _ in pairs(b, c, hosts, [i])]) for i in series]
        return theta, per, fleet

    theta, per, fleet = fill(series)
    length, worst = batch_length(fleet)
    m = len(series) // length
    theta, per, fleet = fill(series[: m * length])
    batch = [mean(fleet[k * length:(k + 1) * length]) for k in range(m)]
    s, sh = sd(batch), sd(list(per.values())) if len(hosts) > 1 else 0.0
    alpha, fleet_size = 0.05, case["fleet"]
    host = 0.0
    if case["scope"] == "fleet" and not (fleet_size and len(hosts) >= fleet_size):
        fpc = math.sqrt(1 - len(hosts) / fleet_size) if fleet_size else 1.0
        alpha /= 2
        host = t_quantile(alpha, len(hosts) - 1) * sh / math.sqrt(len(hosts)) * fpc
    time = half_time(m, s, 2 * alpha)
    t2 = m * theta * theta / (s * s)
    ln_e = 0.5 * math.log(1 / (1 + m)) + m / 2 * (math.log(1 + t2 / (m - 1)) - math.log(1 + t2 / (1 + m) / (m - 1)))
    return dict(theta=theta, hosts=len(hosts), length=length, m=m, tau=worst, s=s, sh=sh, time=time, host=host,
                low=theta - time - host, high=theta + time + host, e=math.exp(ln_e))


def noise(rng, phi, n, spread):
    x = [rng.gauss(0, 1)]
    for _ in range(n - 1):
        x.append(phi * x[-1] + math.sqrt(1 - phi * phi) * rng.gauss(0, 1))
    return [spread * v for v in x]


def make(name, estimand, hosts, buckets, ratio, phi, spread, scope, fleet=0, gaps=0, seed=1):
    rng = random.Random(seed)
    b, c = [], []
    for _ in range(hosts):
        level, own = rng.uniform(50, 400), rng.gauss(0, 0.05)
        nb, nc = noise(rng, phi, buckets, spread), noise(rng, phi, buckets, spread)
        b.append([round(level * math.exp(v), 3) for v in nb])
        c.append([round(level * ratio * math.exp(own + v), 3) for v in nc])
        for _ in range(gaps):
            (b if rng.random() < 0.5 else c)[-1][rng.randrange(buckets)] = NONE
    if gaps:  # one host that is there too seldom to count
        for i in range(0, buckets - buckets // 3):
            b[-1][i] = NONE
    return dict(name=name, estimand=estimand, b=b, c=c, scope=scope, fleet=fleet)


CASES = [
    make("one host, ratio", "PHX_LOG_RATIO", 1, 64, 0.5, 0.0, 0.05, "sample", seed=3),
    make("one host with memory, ratio", "PHX_LOG_RATIO", 1, 240, 0.8, 0.7, 0.1, "sample", seed=4),
    make("six of two hundred hosts, ratio", "PHX_LOG_RATIO", 6, 60, 0.58, 0.0, 0.1, "fleet", 200, seed=5),
    make("five hosts with gaps, ratio", "PHX_LOG_RATIO", 5, 60, 0.7, 0.0, 0.1, "fleet", 0, 5, seed=6),
    make("four hosts, total", "PHX_TOTAL", 4, 60, 0.4, 0.0, 0.1, "fleet", 50, seed=7),
    make("four hosts with gaps, total", "PHX_TOTAL", 4, 60, 0.4, 0.0, 0.1, "sample", 0, 4, seed=8),
    make("three hosts, difference", "PHX_DIFF", 3, 60, 0.9, 0.0, 0.05, "fleet", 3, seed=9),
]


def c_real(v):
    return "NAN" if math.isnan(v) else repr(v)


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by oracle.py; do not edit. */")
    for n, case in enumerate(CASES):
        for arm in "bc":
            print(f"static const double oracle_{arm}{n}[] = {{")
            row = [c_real(v) for host in case[arm] for v in host]
            for i in range(0, len(row), 10):
                print("    " + ", ".join(row[i:i + 10]) + ",")
            print("};")
    print("static const struct oracle_case oracle_cases[] = {")
    for n, case in enumerate(CASES):
        e = effect(case)
        print(f'    {{ "{case["name"]}", {case["estimand"]}, {len(case["b"])}, {len(case["b"][0])}, '
              f'"{case["scope"]}", {case["fleet"]}, oracle_b{n}, oracle_c{n},')
        print(f'      {e["hosts"]}, {e["length"]}, {e["m"]}, {e["tau"]!r}, {e["theta"]!r},')
        print(f'      {e["low"]!r}, {e["high"]!r},')
        print(f'      {e["s"]!r}, {e["sh"]!r}, {e["time"]!r}, {e["host"]!r}, {e["e"]!r} }},')
    print("};")


main()
