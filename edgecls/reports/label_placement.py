"""Where the names of points go: beside them, not on each other, not on points, inside the plot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LINE_HEIGHT_PX", "Box", "PlacedLabel", "nearby", "place_labels", "text_width"]

LINE_HEIGHT_PX = 16.0
_CHARACTER_PX = 7.5  # mean advance of a 13.5 px sans-serif; CJK and the like are twice as wide
_AROUND_PX = 3.0  # what a label leaves free around a mark
_ROUNDS = 4
_LEADER_COST = 120.0  # a label so far away that a line must join it to its point
_LINE_COST = 600.0  # a line through a label or another line, in square pixels of overlap


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A rectangle in pixels, y pointing down."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """Return the common area in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedLabel:
    """Where one label goes.

    Attributes:
        x: Where the text is anchored, pixels.
        anchor: Which part of it stands there, as SVG says it: the one nearest to the point, so that a font
            of other widths than expected cannot cover the point.
        y: Base line of its first line, pixels.
        box: What it covers.
        has_leader: Whether it is so far away that a line must join it to its point.
        leader: End of that line at the label, x and y.
    """

    x: float
    anchor: str
    y: float
    box: Box
    has_leader: bool
    leader: tuple[float, float]


def text_width(text: str) -> float:
    """Return about how wide a text is, in pixels."""
    return sum(_CHARACTER_PX * (1.9 if ord(c) > 0x2E80 else 1) for c in text)


def place_labels(
    groups: Sequence[Sequence[tuple[float, float]]],
    sizes: Sequence[tuple[float, float]],
    *,
    radii: Sequence[float],
    bounds: Box,
    obstacles: Sequence[Box] = (),
) -> tuple[PlacedLabel, ...]:
    """Place one label per group of points.

    Each takes the cheapest of a ring of places around its group, given all others; a few rounds let them
    make way for each other. The result depends on the arguments only.

    Args:
        groups: x and y of each point of each group, pixels.
        sizes: Height and width of each label.
        radii: Radius of the largest mark of each group.
        bounds: What labels should stay inside.
        obstacles: What they should avoid, such as error bars.
    """
    marks = [
        Box(left=x - around, top=y - around, right=x + around, bottom=y + around)
        for group, radius in zip(groups, radii, strict=True)
        for around in [radius + _AROUND_PX]
        for x, y in group
    ]
    centres = [_centre(group) for group in groups]
    placed: dict[int, PlacedLabel] = {}
    for _ in range(_ROUNDS):
        before = dict(placed)
        for i, group in enumerate(groups):
            others = [(centres[j], label) for j, label in placed.items() if j != i]
            reach = max(math.dist(centres[i], point) for point in group) + radii[i]
            placed[i] = _cheapest(
                _choices(centres[i], sizes[i], reach), centres[i], others, marks, obstacles, bounds
            )
        if placed == before:
            break
    return tuple(placed[i] for i in range(len(groups)))


def nearby(points: Sequence[tuple[float, float]], *, within: float) -> tuple[tuple[int, ...], ...]:
    """Return the points in groups whose members are less than ``within`` pixels from the first one."""
    groups: list[list[int]] = []
    for i, point in enumerate(points):
        near = (group for group in groups if math.dist(points[group[0]], point) < within)
        found = next(near, None)
        if found is None:
            groups.append([i])
        else:
            found.append(i)
    return tuple(map(tuple, groups))


def _centre(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _cheapest(
    choices: Sequence[PlacedLabel],
    point: tuple[float, float],
    others: Sequence[tuple[tuple[float, float], PlacedLabel]],
    marks: Sequence[Box],
    obstacles: Sequence[Box],
    bounds: Box,
) -> PlacedLabel:
    """Return the choice of least cost, the first of equals; places with a leader come last in ``choices``."""
    best, least = choices[0], math.inf
    for rank, choice in enumerate(choices):
        if choice.has_leader and least <= _LEADER_COST:
            break  # no later one can be cheaper
        cost = _cost(choice, point, others, marks, obstacles, bounds) + 1e-3 * rank
        if cost < least:
            best, least = choice, cost
    return best


def _choices(
    point: tuple[float, float], size: tuple[float, float], reach: float
) -> list[PlacedLabel]:
    x, y = point
    height, width = size
    near = 9.0 + reach
    middle = height / 2
    choices = [
        _at(point, x + near, y - middle, size, False),
        _at(point, x - near - width, y - middle, size, False),
        _at(point, x - width / 2, y - near - height, size, False),
        _at(point, x - width / 2, y + near, size, False),
        _at(point, x + near - 3, y - near - height + 8, size, False),
        _at(point, x + near - 3, y + near - 8, size, False),
        _at(point, x - near - width + 3, y - near - height + 8, size, False),
        _at(point, x - near - width + 3, y + near - 8, size, False),
        _at(point, x + near, y - near, size, False),
        _at(point, x - near - width, y - near, size, False),
    ]
    for gap in (15.0, 25.0, 37.0, 51.0, 65.0, 79.0, 95.0):
        for step in range(16):
            angle = math.tau * step / 16
            dx, dy = (reach + gap) * math.cos(angle), (reach + gap) * math.sin(angle)
            left = x + dx if dx >= 0 else x + dx - width
            choices.append(_at(point, left, y + dy - middle, size, True))
    return choices


def _at(
    point: tuple[float, float],
    left: float,
    top: float,
    size: tuple[float, float],
    has_leader: bool,
) -> PlacedLabel:
    height, width = size
    box = Box(left=left, top=top, right=left + width, bottom=top + height)
    end = left - 2 if point[0] <= left else left + width + 2
    anchor, x = "middle", left + width / 2
    if left >= point[0]:
        anchor, x = "start", left
    elif left + width <= point[0]:
        anchor, x = "end", left + width
    return PlacedLabel(
        x=round(x, 1),
        anchor=anchor,
        y=round(top + LINE_HEIGHT_PX - 3.5, 1),
        box=box,
        has_leader=has_leader,
        leader=(round(end, 1), round(top + height / 2, 1)),
    )


def _cost(
    choice: PlacedLabel,
    point: tuple[float, float],
    others: Sequence[tuple[tuple[float, float], PlacedLabel]],
    marks: Sequence[Box],
    obstacles: Sequence[Box],
    bounds: Box,
) -> float:
    box = choice.box
    area = (box.right - box.left) * (box.bottom - box.top)
    cost = 100 * (area - box.overlap(bounds))
    cost += sum(20 * box.overlap(label.box) for _, label in others)
    cost += sum(20 * box.overlap(mark) for mark in marks)
    cost += sum(0.4 * box.overlap(obstacle) for obstacle in obstacles)
    for other_point, label in others:
        if label.has_leader:
            cost += _LINE_COST * _crosses(box, other_point, label.leader)
            if choice.has_leader and _intersect(point, choice.leader, other_point, label.leader):
                cost += _LINE_COST
        if choice.has_leader:
            cost += _LINE_COST * _crosses(label.box, point, choice.leader)
    if choice.has_leader:
        cost += _LEADER_COST + math.dist(point, choice.leader)
        cost += sum(
            _LINE_COST * _crosses(mark, point, choice.leader)
            for mark in marks
            if not _holds(mark, point)
        )
    return cost


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom


def _crosses(box: Box, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Say whether a line runs through a box, seen at a few places along it."""
    places = (
        (start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1]))
        for t in (0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
    )
    return any(_holds(box, place) for place in places)


def _intersect(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> bool:
    """Say whether the lines from ``a`` to ``b`` and from ``c`` to ``d`` cross."""

    def side(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
