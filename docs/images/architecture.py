"""Draw ``architecture.svg`` from the package's real imports: ``python docs/images/architecture.py``.

A box is a room: a folder, or a module that lies loose. It stands above the rooms that it imports, and an arrow leads to
each of them. An arrow is left out where others lead the same way, over a third room. Rooms that nearly all import
(errors, _version) or that only pass on what others have (the top of the package) are left out, too.
"""

import ast
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "numpy_vitmatte"
LEFT_OUT = {"", "__main__", "_version", "errors"}
SUBROOMS = {"kernels.fused", "kernels.gradients", "training.finetuning"}
"""Folders inside a room that are rooms of their own."""
BOX, ACROSS, UP, MARGIN = (138, 34), 18, 40, 12
COLORS = {"read": "#fbe7c8", "compute": "#dbe7f6", "files": "#eeeeee", "use": "#d9efd9"}
KINDS = {
    "read": {"reference", "reference_backward", "training", "layers", "tracing", "teaching", "testing"},
    "compute": {"runtime", "kernels", "kernels.fused", "kernels.gradients", "network", "gradients", "model"},
    "files": {"files", "images", "hub", "configuration", "processing", "checkpoint"},
}

Graph = dict[str, set[str]]


def room_of(module: str) -> str:
    """``kernels`` for ``kernels.matmul``, ``model`` for ``model``."""
    return next((room for room in SUBROOMS if module.startswith(room)), module.split(".")[0])


def imports() -> Graph:
    """Rooms that each room imports, at the top of its files or inside their functions."""
    graph: Graph = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        room = room_of(".".join(parts).removesuffix("__init__").rstrip("."))
        found = graph.setdefault(room, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "numpy_vitmatte":
                found |= {room_of(alias.name) for alias in node.names if (PACKAGE / alias.name).is_dir()}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numpy_vitmatte."):
                found.add(room_of(node.module.removeprefix("numpy_vitmatte.")))
    return {room: found - LEFT_OUT - {room} for room, found in graph.items() if room not in LEFT_OUT}


def reachable(graph: Graph, room: str) -> set[str]:
    """Rooms that a room imports, directly or through others."""
    return graph[room].union(*(reachable(graph, other) for other in graph[room]))


def reduced(graph: Graph) -> Graph:
    """The same without arrows that follow from others."""
    return {
        room: {one for one in found if not any(one in reachable(graph, other) for other in found)}
        for room, found in graph.items()
    }


def floors(graph: Graph) -> list[list[str]]:
    """Rooms by floor: each above those that it imports, and right below the lowest of those that import it."""

    def lowest(room: str) -> int:
        return max((1 + lowest(other) for other in graph[room]), default=0)

    def floor(room: str) -> int:
        return min((floor(user) for user in graph if room in graph[user]), default=lowest(room) + 1) - 1

    names: list[list[str]] = [[] for _ in range(1 + max(map(floor, graph)))]
    for room in sorted(graph):
        names[floor(room)].append(room)
    return names


def with_lanes(graph: Graph, rows: list[list[str]]) -> Graph:
    """The same with a lane on every floor that an arrow crosses: ``a>b@4`` on floor 4. Rows get the lanes as well."""
    floor = {room: number for number, row in enumerate(rows) for room in row}
    chained: Graph = {room: set() for room in graph}
    for room, found in graph.items():
        for other in sorted(found):
            below = other
            for number in range(floor[other] + 1, floor[room]):
                lane = f"{room}>{other}@{number}"
                rows[number].append(lane)
                chained[lane] = {below}
                below = lane
            chained[room].add(below)
    return chained


def positions(graph: Graph, rows: list[list[str]]) -> dict[str, tuple[float, float]]:
    """Middle of each box and lane: on its floor, as nearly above what it leads to as its neighbors allow."""
    width = max(sum(_width(room) + ACROSS for room in row) for row in rows)
    place: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        wanted = {room: _mean([place[other][0] for other in graph[room]], width / 2) for room in row}
        row.sort(key=lambda room: (wanted[room], room))
        left, lefts = 0.0, []
        for room in row:  # no further left than the one before allows
            left = max(left, wanted[room] - _width(room) / 2)
            lefts.append(left)
            left += _width(room) + ACROSS
        right = width
        for room, left in reversed(list(zip(row, lefts, strict=True))):  # and none over the right edge
            right = min(left, right - _width(room) - ACROSS)
            place[room] = (right + _width(room) / 2, (len(rows) - number) * (BOX[1] + UP) - BOX[1])
    return place


def _width(room: str) -> int:
    return 0 if "@" in room else BOX[0]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def arrow(graph: Graph, place: dict[str, tuple[float, float]], room: str, other: str) -> str:
    """An arrow from a room down, along its lanes, to the room that they lead to."""
    x, y = place[room]
    y += BOX[1] / 2
    path = f"M{x:.0f},{y:.0f}"
    while True:
        to_x, to_y = place[other]
        end = to_y - BOX[1] / 2
        path += f" C{x:.0f},{(y + end) / 2:.0f} {to_x:.0f},{(y + end) / 2:.0f} {to_x:.0f},{end:.0f}"
        if "@" not in other:
            return f'<path d="{path}" fill="none" stroke="#999" marker-end="url(#head)"/>'
        x, y = to_x, to_y + BOX[1] / 2
        path += f" L{x:.0f},{y:.0f}"
        (other,) = graph[other]


def box(room: str, x: float, y: float) -> str:
    """A box with a room's name."""
    kind = next((kind for kind, rooms in KINDS.items() if room in rooms), "use")
    return (
        f'<rect x="{x - BOX[0] / 2:.0f}" y="{y - BOX[1] / 2:.0f}" width="{BOX[0]}" height="{BOX[1]}" rx="6" '
        f'fill="{COLORS[kind]}" stroke="#555"/>'
        f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle">{room.replace(".", "/")}</text>'
    )


def draw() -> str:
    """The whole picture."""
    direct = reduced(imports())
    rows = floors(direct)
    graph = with_lanes(direct, rows)
    place = positions(graph, rows)
    width = max(x for x, _ in place.values()) + BOX[0] / 2 + 2 * MARGIN
    height = max(y for _, y in place.values()) + BOX[1] / 2 + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="13">',
        '<defs><marker id="head" markerWidth="7" markerHeight="7" refX="6" refY="3.5" orient="auto">'
        '<path d="M0,0 L7,3.5 L0,7 z" fill="#666"/></marker></defs>',
        f'<rect x="{-MARGIN}" y="{-MARGIN}" width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    for room in sorted(direct):
        parts += [arrow(graph, place, room, other) for other in sorted(graph[room])]
    parts += [box(room, *place[room]) for room in sorted(direct)]
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    (HERE / "architecture.svg").write_text(draw(), encoding="utf-8")
