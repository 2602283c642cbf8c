"""A model's functions as C: the same straight-line text that numba compiles, written for a compiler that knows no Python.

    c_function(model, "rhs", ("rhs",))              static void rhs(const double *x, const double *u, const double *p, double *to)
    c_function(model, "outputs", ("out", ...))      several functions of the model, their values one after the other

Every value is a double; a condition is 1.0 or 0.0. Contraction to fused multiply-add must stay off for results to equal NumPy's to
the last bits. Verified: tests/fmu/test_export.py (all machines against NumPy).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from didymos.core.errors import ModelError
from didymos.core.model import Model
from didymos.numerics.source import check, on_lists
from didymos.numerics.trace import Recording

BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
BOTH = {ast.BitAnd: "&&", ast.BitOr: "||"}
CALLS = {"abs": "fabs", "min": "least", "max": "most"}
NAMES = {"inf": "INFINITY", "nan": "NAN"}

HELPERS = """static double least(double a, double b) { return a < b ? a : b; }
static double most(double a, double b) { return a > b ? a : b; }
"""


def c_function(model: Model, name: str, functions: Sequence[str]) -> str:
    """One C function that stores what `functions` of the model return, in order. ModelError for what cannot be traced."""
    check(model)
    rec = Recording()
    fields = {"x": model.State._fields, "u": model.Input._fields, "p": model.Params._fields}
    x, u, p = (rec.symbols(s, len(f)) for s, f in fields.items())
    values = []
    for function in functions:
        values += on_lists(model, getattr(model, function), _result(model, function), rec.xp)(x, u, p)
    text = rec.body([(f"to[{i}]", v) for i, v in enumerate(values)], "")
    loads = {f"{s}{i}": f"{s}[{i}]" for s, f in fields.items() for i in range(len(f))}
    lines = [_line(node, loads) for node in ast.parse(text).body]
    body = "".join(f"    {line}\n" for line in lines)
    unused = "    (void)x; (void)u; (void)p;\n"
    return f"static void {name}(const double *x, const double *u, const double *p, double *to) {{\n{unused}{body}}}\n"


def fields_of(model: Model, function: str) -> tuple[str, ...]:
    """Names of what a function of the model returns."""
    return _result(model, function)._fields


def _result(model: Model, function: str) -> type:
    if function == "rhs":
        return model.State
    if function == "out":
        return model.Output
    answer = getattr(model, function)(model.initial, model.nominal, model.Params())
    return type(answer)


def _line(node: ast.stmt, loads: dict[str, str]) -> str:
    if not isinstance(node, ast.Assign):
        raise ModelError(f"C source: {ast.unparse(node)[:60]!r} cannot be written in C; a model's functions hold no loops here.")
    target = node.targets[0]
    value = _expression(node.value, loads)
    return f"const double {target.id} = {value};" if isinstance(target, ast.Name) else f"{ast.unparse(target)} = {value};"


def _expression(e: ast.expr, loads: dict[str, str]) -> str:
    again = lambda part: _expression(part, loads)  # noqa: E731
    match e:
        case ast.Constant(value=int() | float() as value):
            return repr(float(value))
        case ast.Name(id=name):
            return NAMES.get(name) or loads.get(name, name)
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return f"(-{again(part)})"
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return f"({again(part)} == 0.0 ? 1.0 : 0.0)"
        case ast.BinOp(left=a, op=ast.Pow(), right=b):
            return f"pow({again(a)}, {again(b)})"
        case ast.BinOp(left=a, op=op, right=b) if type(op) in BINARY:
            return f"({again(a)} {BINARY[type(op)]} {again(b)})"
        case ast.BinOp(left=a, op=op, right=b) if type(op) in BOTH:
            return f"({again(a)} != 0.0 {BOTH[type(op)]} {again(b)} != 0.0 ? 1.0 : 0.0)"
        case ast.Compare(left=a, ops=[op], comparators=[b]):
            return f"({again(a)} {COMPARE[type(op)]} {again(b)} ? 1.0 : 0.0)"
        case ast.Call(func=ast.Name(id="choose"), args=[condition, a, b]):
            return f"({again(condition)} != 0.0 ? {again(a)} : {again(b)})"
        case ast.Call(func=ast.Name(id=name), args=args) if name in CALLS:
            return f"{CALLS[name]}({', '.join(map(again, args))})"
        case ast.Call(func=ast.Attribute(attr=name), args=args):  # math.exp, np.floor: C has the same words
            return f"{name}({', '.join(map(again, args))})"
    raise ModelError(f"C source: {ast.unparse(e)[:60]!r} cannot be written in C.")
