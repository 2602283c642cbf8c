"""Rainflow as the standard tells it, for one signal: ASTM E1049-85 5.4.4 with lists, rules 1 to 6 in their order.

Written from the rules, to be read beside them; slow, batch only, no state.
"""

from itertools import pairwise


def reversals(signal):
    """First point, every point where the direction changes, last point; equal neighbours count once."""
    points = [signal[0]]
    for value in signal[1:]:
        if value == points[-1]:
            continue
        if len(points) > 1 and (points[-1] > points[-2]) == (value > points[-1]):
            points[-1] = value
        else:
            points.append(value)
    return points


def count(signal):
    """[(range, mean, weight)] in the order in which they are counted."""
    data = reversals(list(signal))
    start, at, read, found = 0, [], 0, []
    while True:
        if read == len(data):  # rule 1: out of data, go to rule 6
            break
        at.append(read)
        read += 1
        while len(at) >= 3:  # rule 2: fewer than three points -> rule 1
            a, b, c = at[-3:]
            x, y = abs(data[c] - data[b]), abs(data[b] - data[a])
            if x < y:  # rule 3
                break
            mean = (data[a] + data[b]) / 2
            if a == start:  # rule 5: Y contains the starting point
                found.append((y, mean, 0.5))
                at.pop(-3)
                start = b
            else:  # rule 4
                found.append((y, mean, 1.0))
                del at[-3:-1]
    for a, b in pairwise(at):  # rule 6
        found.append((abs(data[b] - data[a]), (data[a] + data[b]) / 2, 0.5))
    return found
