"""Turns model and estimator, written once as scalar expressions, into straight-line text for numba.

`rebind` gives the same code object another `np`; `Recording` holds scalars that write down what is done to them. Equal
text is computed once (sigma points share most of a model), sums with 0 and products with 1 disappear, dead lines are
dropped. NumPy runs a model as it is, JAX runs `rebind(f, jax.numpy, {})`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from didymos.core.errors import ModelError

# np.<name> -> its form on scalars for numba
SAME_IN_MATH = (
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sqrt",
    "tanh",
    "sinh",
    "cosh",
    "sin",
    "cos",
    "tan",
    "hypot",
)
FORMS: dict[str, str] = {
    **{name: f"math.{name}({{0}})" for name in SAME_IN_MATH},
    "hypot": "math.hypot({0}, {1})",
    "arctan": "math.atan({0})",
    "arcsin": "math.asin({0})",
    "arccos": "math.acos({0})",
    "arctan2": "math.atan2({0}, {1})",
    "abs": "abs({0})",
    "absolute": "abs({0})",
    "fabs": "abs({0})",
    "floor": "np.floor({0})",
    "square": "({0} * {0})",
    "negative": "(-{0})",
    "isnan": "({0} != {0})",
    "where": "choose({0}, {1}, {2})",
    "clip": "min(max({0}, {1}), {2})",
    "minimum": "min({0}, {1})",
    "maximum": "max({0}, {1})",
    "logical_and": "({0} & {1})",
    "logical_or": "({0} | {1})",
    "logical_not": "(not {0})",
}
CONSTANTS = ("pi", "e", "inf", "nan")
OPERATORS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
BRANCH = "a model cannot branch on a value; write np.where(condition, a, b)"


def rebind(f: Callable[..., Any], xp: Any, memo: dict[Any, Any]) -> Callable[..., Any]:
    """`f` with `np` replaced by `xp`, also in every plain function and component module that it calls."""
    if f not in memo:
        if not isinstance(f, types.FunctionType):
            raise ModelError(f"{f!r} is not a plain function. Write `def` at the top level of the model file.")
        scope = dict(f.__globals__)
        memo[f] = types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__, f.__closure__)
        for name in f.__code__.co_names:
            if name in scope:
                scope[name] = _swap(scope[name], xp, memo, f.__code__.co_names)
    return memo[f]


def _swap(value: Any, xp: Any, memo: dict[Any, Any], used: tuple[str, ...]) -> Any:
    if value is np:
        return xp
    if isinstance(value, types.FunctionType):
        return rebind(value, xp, memo)
    if isinstance(value, types.ModuleType):
        return types.SimpleNamespace(**{a: _swap(getattr(value, a), xp, memo, used) for a in used if hasattr(value, a)})
    return value


class Recording:
    """The lines of one trace. `xp` stands for np; `symbol(name)` is a scalar that exists already, such as a loaded local."""

    def __init__(self) -> None:
        self.lines: list[Any] = []  # (target, text) or (head, lines) of a loop
        self.seen: dict[str, Any] = {}
        self.count = 0
        self.Symbol = _symbol_class(self)
        names = {name: self._function(name, form) for name, form in FORMS.items()}
        self.xp = types.SimpleNamespace(**names, power=self.power, **{name: getattr(np, name) for name in CONSTANTS})

    def symbol(self, name: str) -> Any:
        return self.Symbol(name)

    def symbols(self, prefix: str, count: int) -> list[Any]:
        return [self.Symbol(f"{prefix}{i}") for i in range(count)]

    def text(self, value: Any) -> str:
        if isinstance(value, self.Symbol):
            return value.name
        number = repr(float(value))
        return f"({number})" if number.startswith("-") else number

    def record(self, form: str, *args: Any) -> Any:
        key = form.format(*[self.text(a) for a in args])
        if key not in self.seen:
            self.count += 1
            self.seen[key] = self.Symbol(f"t{self.count}")
            self.lines.append((self.seen[key].name, key))
        return self.seen[key]

    def _function(self, name: str, form: str) -> Callable[..., Any]:
        def apply(*args: Any) -> Any:
            if not any(isinstance(a, self.Symbol) for a in args):
                return getattr(np, name)(*args)
            if name == "where":
                return self._where(*args)
            if name == "square":
                return args[0] * args[0]
            return self.record(form, *args)

        return apply

    def _where(self, condition: Any, a: Any, b: Any) -> Any:
        if not isinstance(condition, self.Symbol):
            return a if condition else b
        return a if self.text(a) == self.text(b) else self.record(FORMS["where"], condition, a, b)

    def add(self, a: Any, b: Any) -> Any:
        if _is(a, 0):
            return b
        return a if _is(b, 0) else self.record("{0} + {1}", *self._ordered(a, b))

    def sub(self, a: Any, b: Any) -> Any:
        if _is(b, 0):
            return a
        if _is(a, 0):
            return -b
        return 0.0 if self.text(a) == self.text(b) else self.record("{0} - {1}", a, b)

    def mul(self, a: Any, b: Any) -> Any:
        if _is(a, 0) or _is(b, 0):
            return 0.0
        if _is(a, 1):
            return b
        return a if _is(b, 1) else self.record("{0} * {1}", *self._ordered(a, b))

    def div(self, a: Any, b: Any) -> Any:
        if _is(a, 0):
            return 0.0
        if not isinstance(b, self.Symbol):
            return a if _is(b, 1) else self.record("{0} / {1}", a, b)
        return self.mul(a, self.record("1.0 / {0}", b))  # sigma points share the parameters by which they divide

    def power(self, a: Any, b: Any) -> Any:
        if not isinstance(b, self.Symbol):
            if b == 0.5:
                return self.xp.sqrt(a)
            if float(b).is_integer() and 1 <= abs(b) <= 8:
                product = a
                for _ in range(int(abs(b)) - 1):
                    product = product * a
                return product if b > 0 else 1.0 / product
        return self.record("{0} ** {1}", a, b)

    def _ordered(self, a: Any, b: Any) -> tuple[Any, Any]:
        return (a, b) if self.text(a) <= self.text(b) else (b, a)

    def repeat(self, count: int, body: Callable[[list[Any]], list[Any]], carry: list[Any]) -> list[Any]:
        """`carry = body(carry)`, `count` times, as a loop in the text; entries that stay equal share one variable."""
        if count == 1:
            return body(carry)
        texts = [self.text(v) for v in carry]
        group = [texts.index(t) for t in texts]
        while True:
            lines, after, names = self._loop_body(body, group)
            split = [(group[i], self.text(after[i])) for i in range(len(carry))]
            finer = [split.index(s) for s in split]
            if finer == group:
                break
            group = finer
        heads = sorted(set(group))
        fixed = {i for i in heads if self.text(after[i]) == names[i]}
        self.lines += [(names[i], texts[i]) for i in heads]
        self.lines.append(
            (f"for _ in range({count}):", [*lines, *_assign(names, after, [i for i in heads if i not in fixed], self)])
        )
        return [self.Symbol(names[i]) for i in group]

    def _loop_body(self, body: Callable[[list[Any]], list[Any]], group: list[int]) -> tuple[list[Any], list[Any], dict[int, str]]:
        outer_lines, outer_seen = self.lines, self.seen
        self.lines, self.seen = [], dict(outer_seen)
        self.count += 1
        names = {i: f"c{self.count}_{i}" for i in group}
        after = body([self.Symbol(names[i]) for i in group])
        lines, self.lines, self.seen = self.lines, outer_lines, outer_seen
        return lines, after, names

    def body(self, stores: Sequence[tuple[str, Any]], indent: str) -> str:
        """Text of everything recorded that `stores` ((target, value), ...) need, then the stores themselves."""
        ends = [(target, self.text(value)) for target, value in stores]
        needed = set(_names(" ".join(text for _, text in ends)))
        return "".join(_render(_live(self.lines, needed), indent)) + "".join(f"{indent}{t} = {v}\n" for t, v in ends)


def _assign(names: dict[int, str], after: list[Any], which: list[int], recording: Recording) -> list[tuple[str, str]]:
    fresh = [(f"n{names[i]}", recording.text(after[i])) for i in which]
    return fresh + [(names[i], f"n{names[i]}") for i in which]


def _names(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", text)


def _live(lines: list[Any], needed: set[str]) -> list[Any]:
    """Only the lines whose result is used; `needed` grows by what they use."""
    kept: list[Any] = []
    for head, rest in reversed(lines):
        if isinstance(rest, list):
            targets = {t for t, _ in rest}
            if targets & needed:
                needed |= {name for _, text in rest for name in _names(text)}
                kept.append((head, rest))
        elif head in needed:
            needed.update(_names(rest))
            kept.append((head, rest))
    return kept[::-1]


def _render(lines: list[Any], indent: str) -> list[str]:
    texts: list[str] = []
    for head, rest in lines:
        texts += (
            [f"{indent}{head}\n", *_render(rest, indent + "    ")] if isinstance(rest, list) else [f"{indent}{head} = {rest}\n"]
        )
    return texts


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int | float) and value == number


def _symbol_class(recording: Recording) -> type[Any]:
    """A class of its own for each trace, so that several threads may trace at once."""

    class Symbol:
        __slots__ = ("name",)
        __hash__ = object.__hash__

        def __init__(self, name: str) -> None:
            self.name = name

        def __bool__(self) -> bool:
            raise ModelError(BRANCH)

        def __neg__(self) -> Any:
            return recording.record("-{0}", self)

        def __pos__(self) -> Any:
            return self

        def __abs__(self) -> Any:
            return recording.record("abs({0})", self)

        def __pow__(self, power: Any) -> Any:
            return recording.power(self, power)

        def __rpow__(self, number: Any) -> Any:
            return recording.record("{0} ** {1}", number, self)

        def __invert__(self) -> Any:
            return recording.record("(not {0})", self)

    for name, apply in {"add": recording.add, "sub": recording.sub, "mul": recording.mul, "truediv": recording.div}.items():
        setattr(Symbol, f"__{name}__", lambda a, b, apply=apply: apply(a, b))
        setattr(Symbol, f"__r{name}__", lambda a, b, apply=apply: apply(b, a))
    for name, sign in OPERATORS.items():
        setattr(Symbol, f"__{name}__", lambda a, b, sign=sign: recording.record(f"({{0}} {sign} {{1}})", a, b))
    for name, word in {"and": "&", "or": "|"}.items():
        setattr(Symbol, f"__{name}__", lambda a, b, word=word: recording.record(f"({{0}} {word} {{1}})", a, b))
        setattr(Symbol, f"__r{name}__", lambda a, b, word=word: recording.record(f"({{0}} {word} {{1}})", b, a))
    return Symbol
