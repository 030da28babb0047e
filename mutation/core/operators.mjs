// Single mutations of a source of the core, found in its syntax (TypeScript's parser reads AssemblyScript's). A mutant is a
// place, a replacement and the operator's name; the text around it stays as it is.

import ts from "typescript";

const { SyntaxKind: Kind } = ts;

/** What takes an operator's place, by the kind of mistake. */
const BINARY = {
  boundary: { "<": "<=", "<=": "<", ">": ">=", ">=": ">" },
  equality: { "==": "!=", "!=": "==" },
  logic: { "&&": "||", "||": "&&" },
  arithmetic: { "+": "-", "-": "+", "*": "/", "/": "*", "%": "*" },
  bits: { "&": "|", "|": "&", "<<": ">>", ">>": "<<", "^": "&" },
  assignment: { "+=": "-=", "-=": "+=" },
};

/** Constants that are sizes, places and limits: whole numbers, alone. */
const NUMBER = /^(?:0x[0-9a-f]+|\d+)$/i;

/** Functions and methods to which the order of their first two arguments is one. */
const COMMUTATIVE = ["min", "max", "sumsAgree", "substring", "load"];
const nameOf = (called) => (ts.isPropertyAccessExpression(called) ? called.name : called).getText();

/** All mutants of `text`, in the order of their places. */
export function mutantsOf(text) {
  const source = ts.createSourceFile("mutated.ts", text, ts.ScriptTarget.Latest, true);
  const found = [];
  const add = (operator, from, to, replacement) => {
    const { line, character } = source.getLineAndCharacterOfPosition(from);
    found.push({ operator, from, to, replacement, line: line + 1, column: character + 1, was: text.slice(from, to) });
  };
  const replace = (operator, node, replacement) => add(operator, node.getStart(), node.getEnd(), replacement);
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    for (const [operator, replacement] of of(node)) replace(operator, node, replacement);
    if (ts.isBinaryExpression(node)) binary(node, replace);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found.sort((one, other) => one.from - other.from);
}

function binary({ operatorToken }, replace) {
  const sign = operatorToken.getText();
  for (const [operator, signs] of Object.entries(BINARY))
    if (Object.hasOwn(signs, sign)) replace(operator, operatorToken, signs[sign]);
}

/** What takes the place of a whole node: pairs of the operator's name and the replacement. */
function of(node) {
  if (ts.isIfStatement(node) && node.elseStatement === undefined && leaves(node.thenStatement)) return [["check", ";"]];
  if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) return [["call", ";"]];
  if (ts.isPrefixUnaryExpression(node) && node.operator === Kind.ExclamationToken)
    return [["negation", node.operand.getText()]];
  if (node.kind === Kind.TrueKeyword) return [["truth", "false"]];
  if (node.kind === Kind.FalseKeyword) return [["truth", "true"]];
  if (ts.isNumericLiteral(node) && isConstant(node)) {
    const value = BigInt(node.getText());
    return value === 0n
      ? [["constant", "1"]]
      : [
          ["constant", `${value + 1n}`],
          ["constant", `${value - 1n}`],
        ];
  }
  if (ts.isCallExpression(node) && node.arguments.length > 1 && !COMMUTATIVE.includes(nameOf(node.expression))) {
    const [first, second] = node.arguments;
    const text = node.getSourceFile().text;
    const swapped = [
      text.slice(node.getStart(), first.getStart()),
      second.getText(),
      text.slice(first.getEnd(), second.getStart()),
      first.getText(),
      text.slice(second.getEnd(), node.getEnd()),
    ];
    return [["arguments", swapped.join("")]];
  }
  return [];
}

/** Whether a statement leaves what it is in, as what follows a check does. */
function leaves(statement) {
  const last = ts.isBlock(statement) ? statement.statements.at(-1) : statement;
  return (
    last !== undefined && (ts.isReturnStatement(last) || ts.isContinueStatement(last) || ts.isBreakStatement(last))
  );
}

/** Whether a number is the value of a named constant. */
function isConstant(node) {
  const { parent } = node;
  if (!NUMBER.test(node.getText()) || !ts.isVariableDeclaration(parent)) return false;
  return (parent.parent.flags & ts.NodeFlags.Const) !== 0 && ts.isVariableStatement(parent.parent.parent);
}
