// House rules that need the syntax tree, as a plugin for `deno lint`. What the rules allow stands in
// tests/support/house_rules.ts; rules about files and imports are in tests/architecture_test.ts.

import {
  isAmong,
  isProgram,
  layerOf,
  MAX_FUNCTION_LINES,
  RUNTIME_NAMES,
  SYNCHRONOUS_LAYERS,
} from "./support/house_rules.ts";

const ROOT = decodeURIComponent(new URL("..", import.meta.url).pathname);

/** Path below the root of the checkout. */
function pathOf(filename: string): string {
  return filename.startsWith(ROOT) ? filename.slice(ROOT.length) : filename;
}

type FunctionNode = Deno.lint.FunctionDeclaration | Deno.lint.FunctionExpression | Deno.lint.ArrowFunctionExpression;

const FUNCTION = ":matches(FunctionDeclaration, FunctionExpression, ArrowFunctionExpression)";

/** Whether the identifier stands for a variable: not for the name of a property or of a member. */
function isVariable(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent?.type) {
    case "MemberExpression":
      return parent.computed || parent.object === node;
    case "Property":
      return parent.computed || parent.key !== node || parent.shorthand;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.computed && parent.key === node;
    case "TSQualifiedName":
      return parent.left === node;
    default:
      return true;
  }
}

/** What the variable is used for, as RUNTIME_NAMES spells it. */
function usesOf(node: Deno.lint.Identifier): readonly string[] {
  const parent = node.parent;
  if (parent?.type === "MemberExpression" && parent.property.type === "Identifier") {
    return [node.name, `${node.name}.${parent.property.name}`];
  }
  if (parent?.type === "NewExpression" && parent.arguments.length === 0) return [node.name, `new ${node.name}()`];
  return [node.name];
}

/** The clock, randomness, the terminal and the system are ports: few files may reach for them. */
const runtimeNames: Deno.lint.Rule = {
  create(context) {
    const file = pathOf(context.filename);
    if (!isProgram(file)) return {};
    return {
      Identifier(node) {
        if (!isVariable(node)) return;
        for (const name of usesOf(node)) {
          const allowed = Object.hasOwn(RUNTIME_NAMES, name) ? RUNTIME_NAMES[name] : undefined;
          if (allowed !== undefined && !isAmong(file, allowed)) {
            context.report({ node, message: `${name} may not be used in ${file}: pass in what is needed of it` });
          }
        }
      },
    };
  },
};

/** Module scope holds constants only. */
const moduleState: Deno.lint.Rule = {
  create(context) {
    function report(node: Deno.lint.VariableDeclaration): void {
      if (node.kind === "let" || node.kind === "var") {
        context.report({ node, message: `\`${node.kind}\` at module scope: module scope holds constants only` });
      }
    }
    return {
      "Program > VariableDeclaration": report,
      "Program > ExportNamedDeclaration > VariableDeclaration": report,
    };
  },
};

/** Types are erased, and names are the same wherever they are imported. */
const plainModules: Deno.lint.Rule = {
  create(context) {
    const isPlugin = pathOf(context.filename) === "tests/lint_plugin.ts";
    return {
      TSEnumDeclaration(node) {
        context.report({ node, message: "enum: use a union of strings" });
      },
      ExportDefaultDeclaration(node) {
        if (!isPlugin) context.report({ node, message: "default export: export it by its name" });
      },
    };
  },
};

/** `private` is a word of the type checker only; `#name` holds at run time as well. */
const hashPrivate: Deno.lint.Rule = {
  create(context) {
    function report(node: { readonly range: Deno.lint.Range }): void {
      context.report({ range: node.range, message: "`private`: use a #name" });
    }
    return {
      "PropertyDefinition[accessibility=private]": report,
      "MethodDefinition[accessibility=private][kind!=constructor]": report,
      // Deno 2.9 does not tell the plugin the accessibility of this one.
      TSParameterProperty(node) {
        if (context.sourceCode.text.startsWith("private", node.range[0])) report(node);
      },
    };
  },
};

/** A function that is too long to be read at once. Tests are exempt. */
const functionLength: Deno.lint.Rule = {
  create(context) {
    if (pathOf(context.filename).startsWith("tests/")) return {};
    return {
      [FUNCTION](node: FunctionNode) {
        const lines = context.sourceCode.text.slice(node.range[0], node.range[1]).split("\n").length;
        if (lines > MAX_FUNCTION_LINES) {
          context.report({ node, message: `A function of ${lines} lines: at most ${MAX_FUNCTION_LINES} are allowed` });
        }
      },
    };
  },
};

/** What decides does not wait. */
const synchronousLayers: Deno.lint.Rule = {
  create(context) {
    const layer = layerOf(pathOf(context.filename))?.name;
    if (layer === undefined || !SYNCHRONOUS_LAYERS.includes(layer)) return {};
    const message = `Nothing in "${layer}" waits`;
    return {
      [FUNCTION](node: FunctionNode) {
        if (node.async) context.report({ node, message });
      },
      AwaitExpression(node) {
        context.report({ node, message });
      },
    };
  },
};

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "runtime-names": runtimeNames,
    "module-state": moduleState,
    "plain-modules": plainModules,
    "hash-private": hashPrivate,
    "function-length": functionLength,
    "synchronous-layers": synchronousLayers,
  },
};

export default plugin;
