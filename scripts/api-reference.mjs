// Makes docs/api.md from the doc comments of all that the package exports, by way of the compiled declarations
// (`npm run build:host` first). A name without a comment is an error.
//
//     node scripts/api-reference.mjs

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { root } from "./core.mjs";

const PLACE = "docs/api.md";
const NODE = "build/host/index.d.ts";
const PAGE = "build/host/browser.d.ts";
/** What is imported by other names than the package's own. */
const ENTRIES = {
  "userboot-wasm/console": "build/host/element/index.d.ts",
  "userboot-wasm/editor": "build/host/editor/index.d.ts",
  "userboot-wasm/policy": "build/host/policy/index.d.ts",
  "userboot-wasm/machine": "build/host/machine_file/index.d.ts",
  "userboot-wasm/wasm/*": "build/host/wasm/lua.d.ts",
};

const HEAD = `# API

Made from the doc comments by \`node scripts/api-reference.mjs\`; a test holds that it is current. What is on
Node only, or in pages only, says so; \`userboot-wasm/node\` has what Node has. [result.md](result.md) explains results,
[hosting.md](hosting.md) and [pages.md](pages.md) have the ways to begin.
`;

/** In the order in which they stand in the page. */
const KINDS = [
  ["Functions", ({ node }) => ts.isFunctionDeclaration(node)],
  ["Errors", ({ name, node }) => ts.isClassDeclaration(node) && name.endsWith("Error")],
  ["Classes", ({ node }) => ts.isClassDeclaration(node)],
  ["Constants", ({ node }) => ts.isVariableDeclaration(node)],
  ["Types", () => true],
];

/** A comment's prose, on lines of its own; what a function throws comes last. */
function proseOf(symbol, checker) {
  const throws = symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === "throws")
    .map(({ text }) => `Throws ${ts.displayPartsToString(text).replace(/\s+/g, " ")}.`);
  const prose = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
  return [prose, ...throws].filter((text) => text !== "").join("\n\n");
}

/** A declaration as it is written, with the comments of its members, without its own and what is private. */
function codeOf(node) {
  const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const text = statement.getText().replace(/^export (declare )?/, "");
  const hidden = (node.members ?? [])
    .filter(
      ({ name, modifiers }) =>
        (name !== undefined && ts.isPrivateIdentifier(name)) ||
        modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword),
    )
    .map((member) => member.getFullText());
  return hidden.reduce((rest, member) => rest.replace(member, ""), text);
}

/** What a module exports: names with their declarations and comments. */
function exportsOf(program, path) {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(join(root, path));
  if (file === undefined) throw new Error(`${path} isn't there: npm run build:host`);
  return checker
    .getExportsOfModule(checker.getSymbolAtLocation(file))
    .map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const nodes = symbol.declarations ?? [];
      return {
        name: exported.name,
        node: nodes[0],
        prose: proseOf(symbol, checker),
        code: nodes.map(codeOf).join("\n"),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A link to each name's heading. The second of two headings that differ by capitals has a number. */
function linksTo(names) {
  const taken = new Map();
  const linked = names.map((name) => {
    const place = name.toLowerCase();
    const before = taken.get(place) ?? 0;
    taken.set(place, before + 1);
    return [name, `[${name}](#${place}${before === 0 ? "" : `-${before}`})`];
  });
  return new Map(linked);
}

/** The part of the page about one name. */
function partOf({ name, prose, code, where }, linked) {
  const mentioned = [...new Set(code.match(/\b[A-Za-z]\w+\b/g))].filter((word) => word !== name && linked.has(word));
  const links = mentioned.sort().map((word) => linked.get(word));
  return [
    `### ${name}`,
    where === undefined ? prose : `*${where} only.* ${prose}`,
    `\`\`\`ts\n${code}\n\`\`\``,
    ...(links.length === 0 ? [] : [`With ${links.join(", ")}.`]),
  ].join("\n\n");
}

/** The page's text. */
export function apiReference() {
  const paths = [NODE, PAGE, ...Object.values(ENTRIES)];
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(
    paths.map((path) => join(root, path)),
    { ...options, noEmit: true, incremental: false, tsBuildInfoFile: undefined, rootDir: undefined },
  );
  const [node, page, ...others] = paths.map((path) => exportsOf(program, path));
  const inPages = new Set(page.map(({ name }) => name));
  const onNode = new Set(node.map(({ name }) => name));
  const main = [
    ...node.map((one) => (inPages.has(one.name) ? one : { ...one, where: "Node" })),
    ...page.filter(({ name }) => !onNode.has(name)).map((one) => ({ ...one, where: "Pages" })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const all = [...main, ...others.flat()];
  const bare = all.filter(({ prose }) => prose === "").map(({ name }) => name);
  if (bare.length > 0) throw new Error(`without a doc comment: ${bare.join(", ")}`);
  const rest = new Set(main);
  const sections = KINDS.map(([title, holds]) => {
    const found = [...rest].filter(holds);
    for (const one of found) rest.delete(one);
    return [title, found];
  });
  sections.push(...Object.keys(ENTRIES).map((entry, at) => [`\`${entry}\``, others[at]]));
  const linked = linksTo(sections.flatMap(([, found]) => found.map(({ name }) => name)));
  const list = sections.map(([title, found]) => `- ${title}: ${found.map(({ name }) => linked.get(name)).join(", ")}`);
  const parts = sections.flatMap(([title, found]) => [`## ${title}`, ...found.map((one) => partOf(one, linked))]);
  return `${[HEAD.trimEnd(), list.join("\n"), ...parts].join("\n\n")}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) writeFileSync(join(root, PLACE), apiReference());
