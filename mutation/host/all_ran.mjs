// A reporter for StrykerJS: which test files of the table ran no test. One that can't be loaded fails silently there, and all
// that it would kill would survive. host.mjs refuses such a run.

import { declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";

export const NAME = "all-ran";

/** Tests that didn't run, of the last run. */
export const silent = [];

const reporter = {
  onDryRunCompleted({ result }) {
    const ran = new Set(result.tests.map(({ fileName }) => fileName));
    const ends = JSON.parse(process.env.MUTATION_TESTS).map((test) => `/test/${test}.test.ts`);
    silent.splice(0, silent.length, ...ends.filter((end) => ![...ran].some((path) => path?.endsWith(end))));
  },
};

export const strykerPlugins = [declareValuePlugin(PluginKind.Reporter, NAME, reporter)];
