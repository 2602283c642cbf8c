"""The compiled part of streaming rainflow; `rainflow.py` puts these functions into a kernel file and calls them.

Two passes per location and block: `turning_points` without a branch on the data (it would be mispredicted at every other sample
of a noisy signal: 26 ns a sample in one pass against 12 in two), then `close` on the few that are left.
They run as plain Python too. No fast-math: ties between ranges decide what closes.
"""

HALF, FULL = 0.5, 1.0


def turning_points(row, begin, end, gate, last, way, POINTS):
    """Extremes of a row of samples that a later one has confirmed, into POINTS. How many; the running extreme, its direction
    (+1.0 a maximum, -1.0 a minimum), and the samples that were not numbers."""
    found = missing = 0
    for t in range(begin, end):
        x = row[t]
        if x - x != 0.0:
            missing += 1
            continue
        back = way * (last - x)
        turned = back > gate
        POINTS[found] = last
        found += turned
        last = x if (turned or back <= 0.0) else last
        way = -way if turned else way
    return found, last, way, missing


def close(POINTS, found, S, depth, number, RANGE, MEAN, WEIGHT):
    """Turning points onto the residue S; what they close (E1049-85 5.4.4) into rows `number`, ... Depth (-1: S is full), rows."""
    for i in range(found):
        third = POINTS[i]
        while depth >= 2:
            first, second = S[depth - 2], S[depth - 1]
            size = abs(first - second)
            if abs(third - second) < size:
                break
            RANGE[number] = size
            MEAN[number] = 0.5 * (first + second)
            if depth == 2:
                WEIGHT[number] = HALF
                S[0] = second
                depth = 1
            else:
                WEIGHT[number] = FULL
                depth -= 2
            number += 1
        if depth >= len(S):
            return -1, number
        S[depth] = third
        depth += 1
    return depth, number


def begun(row, begin, end, gate, S, depth, high):
    """Before the first range above the gate: lowest value in S[0], highest in `high`; whichever came first is the first point.
    Where to go on, depth, highest, direction (0.0 = the block ended first), samples that were not numbers."""
    missing = 0
    for t in range(begin, end):
        x = row[t]
        if x - x != 0.0:
            missing += 1
        elif depth == 0:
            S[0], high, depth = x, x, 1
        elif x - S[0] > gate:
            return t, depth, high, 1.0, missing
        elif high - x > gate:
            S[0] = high
            return t, depth, high, -1.0, missing
        else:
            S[0], high = min(S[0], x), max(high, x)
    return end, depth, high, 0.0, missing


def stream(X, begin, end, gate, STACK, DEPTH, LAST, WAY, MISSING, POINTS, PLACE, RANGE, MEAN, WEIGHT):
    """Columns begin..end of X (L, T) into the residues, which change in place. Rows counted; -1 - l where location l's residue
    is full (everything given must then be thrown away)."""
    number = 0
    for l in range(X.shape[0]):
        S, row = STACK[l], X[l]
        depth, last, way, first_row, at = DEPTH[l], LAST[l], float(WAY[l]), number, begin
        if way == 0.0:
            at, depth, last, way, missing = begun(row, begin, end, gate, S, depth, last)
            MISSING[l] += missing
            last = row[at] if way != 0.0 else last
        found, last, way, missing = turning_points(row, at, end, gate, last, way, POINTS)
        MISSING[l] += missing
        depth, number = close(POINTS, found, S, depth, number, RANGE, MEAN, WEIGHT)
        if depth < 0:
            return -1 - l
        DEPTH[l], LAST[l], WAY[l] = depth, last, int(way)
        PLACE[first_row:number] = l
    return number


def finish(STACK, DEPTH, LAST, WAY, PLACE, RANGE, MEAN, WEIGHT):
    """What an end now would still count: the last extreme is a turning point, each range left of the residue half a cycle."""
    number = 0
    for l in range(STACK.shape[0]):
        S = STACK[l]
        first_row, depth = number, DEPTH[l]
        if WAY[l] != 0:
            depth, number = close(LAST[l : l + 1], 1, S, depth, number, RANGE, MEAN, WEIGHT)
            for i in range(depth - 1):
                RANGE[number] = abs(S[i] - S[i + 1])
                MEAN[number] = 0.5 * (S[i] + S[i + 1])
                WEIGHT[number] = HALF
                number += 1
        PLACE[first_row:number] = l
    return number
