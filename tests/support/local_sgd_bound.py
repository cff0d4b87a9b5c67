"""The bound for local SGD by trying rates: constants as JSON on standard input, bounds on standard output.

Written from the inequality in training/local_sgd_bound.ts, not from its code.
"""
import json
import sys


def bound(gamma, c):
    moves = c["localSteps"] - 1
    return (
        2 * c["gap"] / (gamma * c["steps"])
        + gamma * c["smoothness"] * c["variance"] / c["workers"]
        + 3 * (gamma * c["smoothness"]) ** 2 * moves * c["variance"]
        + 9 * (gamma * c["smoothness"] * moves) ** 2 * c["drift"]
    )


def lowest(c):
    gamma = 1 / (6 * c["smoothness"] * c["localSteps"])
    best = bound(gamma, c)
    while gamma > 1e-12:
        gamma *= 0.999
        best = min(best, bound(gamma, c))
    return best


print(json.dumps([lowest(c) for c in json.load(sys.stdin)]))
