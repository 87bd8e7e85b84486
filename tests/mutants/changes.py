"""What a mutant is: one change of a source file, found in its syntax tree.

Comparisons, operators, numbers, conditions, values that are returned, and defaults;
nothing in annotations, in what is raised, in texts for people or in ``__repr__``.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYMBOLS = {
    ast.Lt: '<',
    ast.LtE: '<=',
    ast.Gt: '>',
    ast.GtE: '>=',
    ast.Eq: '==',
    ast.NotEq: '!=',
    ast.In: 'in',
    ast.NotIn: 'not in',
    ast.Is: 'is',
    ast.IsNot: 'is not',
    ast.And: 'and',
    ast.Or: 'or',
    ast.Add: '+',
    ast.Sub: '-',
    ast.Mult: '*',
    ast.Div: '/',
    ast.FloorDiv: '//',
    ast.Mod: '%',
    ast.Pow: '**',
    ast.BitAnd: '&',
    ast.BitOr: '|',
}
ORDER = {'<': ('<=', '>='), '<=': ('<', '>'), '>': ('>=', '<='), '>=': ('>', '<')}
OPPOSITES = {'==': '!=', 'in': 'not in', 'is': 'is not'}
OPPOSITES |= {new: old for old, new in OPPOSITES.items()}
OTHERS = {'+': '-', '-': '+', '*': '/', '/': '*', '//': '/', '%': '//', '**': '*'}
OTHERS |= {'&': '|', '|': '&', 'and': 'or', 'or': 'and'}
CHANGES = ORDER | {old: (new,) for old, new in (OPPOSITES | OTHERS).items()}

TEXTS = {'warn', 'warning', 'warn_once', 'info', 'debug', 'error', 'print_log', 'print'}
REPRESENTATIONS = {'__repr__', '__str__', 'extra_repr'}
NO_CODE = {'annotation', 'returns', 'msg', 'exc'}  # fields of syntax trees


@dataclass(frozen=True)
class Mutant:
    """One change: ``text`` in the place of the bytes from ``start`` to ``end``."""

    file: str  # from the root
    before: str  # the lines that are touched
    after: str
    number: int  # of those before it in the file that read alike
    line: int = field(compare=False)
    start: int = field(compare=False)
    end: int = field(compare=False)
    text: str = field(compare=False)

    def __str__(self) -> str:
        return f'{self.file}:{self.line}  {self.before[:100]}  ->  {self.after[:100]}'

    @property
    def key(self) -> list:
        """What finds the mutant again in a file that has changed elsewhere."""
        return [self.file, self.before, self.after, self.number]

    def apply(self, source: bytes) -> bytes:
        """The file with the change."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants_of(root: Path, file: str) -> Iterator[Mutant]:
    """Yield all mutants of a file, which is named from the root."""
    source = (root / file).read_bytes()
    tree, numbers, starts = ast.parse(source), Counter(), [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> tuple[int, int]:
        start = starts[node.lineno - 1] + node.col_offset
        return start, starts[node.end_lineno - 1] + node.end_col_offset

    for start, end, text in changes(tree, source, span):
        first, last = source.rfind(b'\n', 0, start) + 1, source.find(b'\n', end)
        whole = source[first:last], source[first:start] + text.encode()
        before = ' '.join(whole[0].decode().split())
        after = ' '.join((whole[1] + source[end:last]).decode().split())
        line = source.count(b'\n', 0, start) + 1
        number = numbers[before, after]
        numbers[before, after] += 1
        yield Mutant(file, before, after, number, line, start, end, text)


def is_other_code(root: Path, mutant: Mutant) -> bool:
    """Whether a mutant can be parsed and is not the same code in other words."""
    source = (root / mutant.file).read_bytes()
    try:
        changed = ast.parse(mutant.apply(source))
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(source))


def changes(node: ast.AST, source: bytes, span: Any) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, text) of the changes of a node and of what is below it."""

    def between(left: ast.AST, right: ast.AST, operator: ast.AST) -> Iterator[tuple]:
        symbol = SYMBOLS.get(type(operator))
        if symbol is None:  # such as @
            return
        pattern = rb'\s+'.join(re.escape(part.encode()) for part in symbol.split())
        start, end = span(left)[1], span(right)[0]
        at = re.search(pattern, source[start:end])
        for text in CHANGES[symbol]:
            yield start + at.start(), start + at.end(), text

    match node:
        case ast.Constant(value=bool() as value):
            yield *span(node), str(not value)
        case ast.Constant(value=int() as value):
            yield *span(node), str(value + 1)
        case ast.Constant(value=float() as value):
            yield *span(node), repr(value * 2 or 1.0)
        case ast.Compare():
            terms = [node.left, *node.comparators]
            for left, right, operator in zip(terms, terms[1:], node.ops):
                yield from between(left, right, operator)
        case ast.BoolOp():
            for left, right in zip(node.values, node.values[1:]):
                yield from between(left, right, node.op)
        case ast.BinOp():
            yield from between(node.left, node.right, node.op)
        case ast.AugAssign():
            yield from between(node.target, node.value, node.op)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield span(node)[0], span(node.operand)[0], ''
        case ast.Return(value=ast.AST() as value):
            if not isinstance(value, ast.Constant) or isinstance(value.value, str):
                yield *span(value), 'None'
        case ast.FunctionDef():
            for value in (*node.args.defaults, *node.args.kw_defaults):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield *span(value), repr(value.value + '_')
    for test in _conditions(node):
        start, end = span(test)
        yield start, end, f'(not ({source[start:end].decode()}))'
    for child in _children(node):
        yield from changes(child, source, span)


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what decides in a node, unless another change negates it."""
    for test in getattr(node, 'ifs', [getattr(node, 'test', None)]):
        match test:
            case None | ast.UnaryOp(op=ast.Not()):
                continue
            case ast.Compare(ops=[operator]) if SYMBOLS[type(operator)] in OPPOSITES:
                continue
        yield test


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is below a node and is code."""
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            match child:
                case _ if name in NO_CODE or not isinstance(child, ast.AST):
                    continue
                case ast.JoinedStr():  # has no places of its own before Python 3.12
                    continue
                case ast.FunctionDef(name=known) if known in REPRESENTATIONS:
                    continue
                case ast.Call(func=ast.Name(id=known)) if known in TEXTS:
                    continue
                case ast.Call(func=ast.Attribute(attr=known)) if known in TEXTS:
                    continue
                case ast.If(test=ast.Name(id='TYPE_CHECKING')):
                    continue
            yield child
