"""What a model file may contain, checked in its text; and a model's functions on plain lists of scalars.

Allowed inside the functions that a `Model` names, and in every function they call: arithmetic, comparisons, `np.name(...)`
from `trace.FORMS`, plain functions, functions of other modules, loops over fixed ranges. Not allowed, because one of the
engines cannot follow it: `if` on a value, `and`/`or`/`not`, chained comparisons, `math`, closures, decorators, partials, dicts.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from didymos.core.errors import ModelError
from didymos.core.model import Model
from didymos.numerics.sigma import Machine
from didymos.numerics.trace import CONSTANTS, FORMS, rebind

NUMPY_NAMES = {*FORMS, *CONSTANTS, "power"}
BUILTINS = {"range", "len", "abs", "sum", "zip", "enumerate", "float", "tuple", "list"}
ADVICE: dict[type[ast.AST], str] = {
    ast.If: "`if` on a value does not run on arrays; write np.where(condition, a, b)",
    ast.IfExp: "`a if c else b` does not run on arrays; write np.where(c, a, b)",
    ast.BoolOp: "`and`/`or` do not run on arrays; write np.logical_and(a, b) or np.logical_or(a, b)",
    ast.Not: "`not` does not run on arrays; write np.logical_not(a)",
    ast.While: "`while` on a value does not run on arrays; write the equation without it",
    ast.Try: "`try` does not run on arrays; clip the argument to where the function is defined",
    ast.Lambda: "a lambda cannot be followed; write a plain function at the top level",
    ast.FunctionDef: "a nested function cannot be followed; write it at the top level",
    ast.Assert: "`assert` on a value does not run on arrays; leave it out",
    ast.Import: "an import inside a model function cannot be followed; import at the top of the file",
    ast.ImportFrom: "an import inside a model function cannot be followed; import at the top of the file",
}


def check(model: Model) -> None:
    """ModelError in one line, with file and line, at the first thing that an engine could not run."""
    seen: set[types.FunctionType] = set()
    for f in (model.rhs, model.out, model.virtual, model.severity, model.steady):
        _check_function(f, model.name, seen)


def _check_function(f: Any, where: str, seen: set[types.FunctionType]) -> None:
    if not isinstance(f, types.FunctionType):
        raise ModelError(f"{where}: {f!r} is not a plain function. Write `def` at the top level of the model file.")
    if f in seen:
        return
    seen.add(f)
    place = f"{f.__code__.co_filename}:{f.__code__.co_firstlineno}"
    if f.__closure__:
        raise ModelError(
            f"{place}: {f.__name__} is a closure, which cannot be followed. Pass {f.__code__.co_freevars[0]} as an argument."
        )
    try:
        lines, first = inspect.getsourcelines(f)
    except OSError:  # no text to look at; tracing will find what it can
        return
    tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    for node in ast.walk(tree):
        line = f"{f.__code__.co_filename}:{first - 1 + getattr(node, 'lineno', 1)}"
        if message := _fault(node, tree, f.__globals__):
            raise ModelError(f"{line}: {message}.")
    for callee in _callees(tree, f.__globals__):
        _check_function(callee, where, seen)


def _fault(node: ast.AST, tree: ast.AST, scope: dict[str, Any]) -> str | None:
    if type(node) in ADVICE and node is not tree:
        return ADVICE[type(node)]
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        return f"{node.name} has a decorator, which cannot be followed; remove it"
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        return "a chained comparison does not run on arrays; write np.logical_and(a < b, b < c)"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _attribute_fault(scope.get(node.value.id), node.value.id, node.attr)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return _name_fault(node.id, scope)
    return None


def _attribute_fault(module: Any, name: str, attribute: str) -> str | None:
    if module is np and attribute not in NUMPY_NAMES:
        return f"np.{attribute} does not run on every engine; allowed: {', '.join(sorted(NUMPY_NAMES))}"
    if isinstance(module, types.ModuleType) and module.__name__ in ("math", "cmath"):
        return f"{name}.{attribute} works on single numbers only; write np.{attribute}"
    return None


def _name_fault(name: str, scope: dict[str, Any]) -> str | None:
    value = scope.get(name)
    if name not in scope:
        return f"{name}() is not allowed; use np.{name}imum" if name in ("min", "max") else _builtin_fault(name)
    if isinstance(value, types.FunctionType | types.ModuleType | int | float) or _is_named_tuple(value) or _numbers(value):
        return None
    return f"{name} is a {type(value).__name__}; a model may use numbers, plain functions, NamedTuples, np and modules only"


def _builtin_fault(name: str) -> str | None:
    if hasattr(builtins, name) and name not in BUILTINS:
        return f"{name} does not run on every engine; allowed: {', '.join(sorted(BUILTINS))}"
    return None


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, tuple)


def _numbers(value: Any) -> bool:
    """A number, or tuples (also named ones) of numbers, however deep."""
    return isinstance(value, int | float) or (isinstance(value, tuple) and all(_numbers(v) for v in value))


def _callees(tree: ast.AST, scope: dict[str, Any]) -> Iterator[Any]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(scope.get(node.id), types.FunctionType):
            yield scope[node.id]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = scope.get(node.value.id)
            found = getattr(module, node.attr, None) if isinstance(module, types.ModuleType) and module is not np else None
            if callable(found) and not isinstance(found, type):
                yield found


def on_lists(model: Model, f: Callable[..., Any], result: type[Any], xp: Any) -> Callable[..., list[Any]]:
    """f(x, u, p) on lists of scalars over the namespace `xp`; mistakes become one line with the model's file and line."""
    bound = f if xp is np else rebind(f, xp, {})

    def call(x: Any, u: Any, p: Any) -> list[Any]:
        try:
            answer = bound(model.State(*x), model.Input(*u), model.Params(*p))
        except (AttributeError, TypeError, NameError, ValueError, ModelError) as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            frames = [s for s in traceback.extract_tb(error.__traceback__) if s.filename == f.__code__.co_filename]
            frame = frames[-1] if frames else frame
            raise ModelError(f"{frame.filename}:{frame.lineno}: {model.name}.{f.__name__}: {error}") from error
        if len(answer) != len(result._fields):
            raise ModelError(f"{model.name}.{f.__name__} returns {len(answer)} values; {result.__name__} has {len(result._fields)}")
        return list(answer)

    return call


def machine(model: Model, xp: Any) -> Machine:
    """What the estimator needs of `model`, over `xp`."""
    low, high = (tuple(float(v) for v in bound) for bound in (model.low, model.high))
    return Machine(on_lists(model, model.rhs, model.State, xp), on_lists(model, model.out, model.Output, xp), low, high)


def jax_namespace(jnp: Any) -> Any:
    """jax.numpy, limited to what models and the estimator may use."""
    return types.SimpleNamespace(**{name: getattr(jnp, name) for name in NUMPY_NAMES})
