// All words of the system, in the order of their definition: where two share a chain, WORDS lists them by it.

import { defineArithmetic, defineComparison, defineDouble } from "./arithmetic";
import { defineCompiled } from "./compiled";
import { defineConditionals } from "./conditionals";
import { defineBranches, defineCases, defineLoops } from "./control";
import { defineDebug } from "./debug";
import { defineData, defineDefinitions } from "./defining";
import { defineEnvironment } from "./environment";
import { defineExceptions } from "./exceptions";
import { defineFiles } from "./files";
import { defineGraphics } from "./graphics";
import { defineHeap } from "./heap_words";
import { defineInput } from "./input";
import { defineLiterals, defineReferences } from "./literals";
import { defineLocals } from "./locals";
import { defineDataSpace, defineMemory } from "./memory_words";
import { definePictured } from "./numbers";
import { defineOutput } from "./output";
import { defineParseSteps } from "./parse_steps";
import { defineSearchOrder, defineVocabularies } from "./search_order";
import { defineSee } from "./see";
import { defineLoopIndexes, defineReturnStack, defineShown, defineStack } from "./stack";
import { defineStrings } from "./strings";
import { defineTimes } from "./times";
import { defineTools } from "./tools";

/** The words that the system needs to read a line: what compiled code is made of, and what compiles it. */
export function defineCompiler(): void {
  defineCompiled();
  defineDefinitions();
  defineData();
  defineBranches();
  defineLoops();
  defineCases();
  defineLiterals();
  defineReferences();
}

/** All others, but for the loader's commands. */
export function defineWords(): void {
  defineParseSteps();
  defineOutput();
  definePictured();
  defineInput();
  defineStrings();
  defineArithmetic();
  defineDouble();
  defineComparison();
  defineMemory();
  defineDataSpace();
  defineLoopIndexes();
  defineStack();
  defineReturnStack();
  defineShown();
  defineExceptions();
  defineSearchOrder();
  defineVocabularies();
  defineHeap();
  defineConditionals();
  defineLocals();
  defineTools();
  defineSee();
  defineDebug();
  defineEnvironment();
  defineFiles();
  defineTimes();
  defineGraphics();
}
