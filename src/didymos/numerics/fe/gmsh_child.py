"""Runs in a process of its own, in any Python that has gmsh: a STEP file into quadratic tetrahedra, metres.

    python gmsh_child.py JOB.json OUT.npz      prints one JSON line: {"ok": ...} or {"error": kind, "text": ...}

Imports nothing of Didymos, so that the interpreter may be another one: gmsh is GPL and keeps global state, hence the process.
"""

import json
import sys

NODES = {4: 4, 11: 10}  # gmsh type -> nodes of a tetrahedron
LEAST_JACOBIAN = 0.05  # smallest over largest inside an element


def main(job_path, out_path):
    try:
        import gmsh  # pyright: ignore[reportMissingImports]
        import numpy as np
    except ModuleNotFoundError as error:
        return {"error": "no_gmsh", "text": str(error)}
    except OSError as error:
        return {"error": "no_library", "text": str(error)}
    with open(job_path) as file:
        job = json.load(file)
    gmsh.initialize(interruptible=False)
    try:
        return meshed(gmsh, np, job, out_path)
    except Exception as error:  # what gmsh raises is a bare Exception with its last message
        return {"error": "gmsh", "text": str(error)}
    finally:
        gmsh.finalize()


def meshed(gmsh, np, job, out_path):
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.option.setNumber("General.NumThreads", 1)
    gmsh.option.setString("Geometry.OCCTargetUnit", "M")
    gmsh.model.occ.importShapes(job["step"])
    gmsh.model.occ.synchronize()
    solids = gmsh.model.getEntities(3)
    if not solids:
        return {"error": "no_solid", "text": str(len(gmsh.model.getEntities(2)))}
    volumes = [gmsh.model.occ.getMass(*solid) for solid in solids]
    low = gmsh.model.getBoundingBox(-1, -1)
    size = max(low[3] - low[0], low[4] - low[1], low[5] - low[2])
    if min(volumes) <= 1e-12 * size**3:
        return {"error": "zero_solid", "text": f"{min(volumes):g}"}
    if len(solids) > 1:  # solids that touch share the faces between them
        gmsh.model.occ.fragment(solids, [])
        gmsh.model.occ.synchronize()
    wanted = job["size_m"] or size / 12.0
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)  # else a tenth of the part at its corners, whatever is asked
    gmsh.option.setNumber("Mesh.MeshSizeMax", wanted)
    gmsh.option.setNumber("Mesh.MeshSizeMin", wanted / 20.0)
    gmsh.option.setNumber("Mesh.MeshSizeFromCurvature", job["per_turn"])
    gmsh.option.setNumber("Mesh.Algorithm3D", 1)
    gmsh.model.mesh.generate(3)
    gmsh.model.mesh.setOrder(job["order"])
    tags, places, _ = gmsh.model.mesh.getNodes()
    where = np.full(int(tags.max()) + 1, -1, np.int64)
    where[tags.astype(np.int64)] = np.arange(len(tags))
    kind = {1: 4, 2: 11}[job["order"]]
    _, nodes = gmsh.model.mesh.getElementsByType(kind)
    elements = where[nodes.astype(np.int64)].reshape(-1, NODES[kind])
    if job["order"] == 2:
        elements = elements[:, [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]]  # gmsh's last two are the other way round
    places = places.reshape(-1, 3).copy()
    straight = straightened(gmsh, np, kind, places, elements) if job["order"] == 2 else 0
    np.savez(out_path, nodes=places, elements=elements)
    return {
        "ok": True,
        "straightened": straight,
        "solids": len(solids),
        "volume_m3": float(sum(volumes)),
        "size_m": wanted,
        "gmsh": gmsh.__version__,
    }


def straightened(gmsh, np, kind, places, elements):
    """Elements that bend too far get straight sides; gmsh's own repair can end its process. How many there were."""
    tags, _ = gmsh.model.mesh.getElementsByType(kind)
    bent = elements[np.asarray(gmsh.model.mesh.getElementQualities(tags, "minSJ")) < LEAST_JACOBIAN]
    for middle, (a, b) in enumerate(((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)), 4):
        places[bent[:, middle]] = 0.5 * (places[bent[:, a]] + places[bent[:, b]])
    return len(bent)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))
